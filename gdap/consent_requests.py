"""Requests for consents in customers' tenants, at a rate that Partner Center accepts."""

from dataclasses import dataclass
from datetime import timedelta

from domain.customer_consent import needs_consent
from domain.ports.pending_work import PendingWork
from domain.work_queues import CONSENT_CUSTOMER
from gdap.ports import GdapPorts
from gdap.reconciliation import Reconciliation

# Partner Center accepts 50 requests a second from an app, and replacing a consent takes three.
MOST_PER_SECOND = 16


@dataclass(slots=True)
class ConsentRequests:
    """The requests of one poll of one MSP.

    Args:
        version: The version that the MSP's customers consent to.
        asked: The number of requests so far.
    """

    ports: GdapPorts
    version: str
    asked: int = 0

    async def ask_if_missing(self, reconciliation: Reconciliation) -> bool:
        """Queue the consent of a customer that has not consented to the current version.

        Returns:
            Whether the customer needs a consent; one that is queued is not queued twice.
        """
        tenant, ports = reconciliation.tenant, self.ports
        if tenant is None or reconciliation.relationship is None:
            return False
        if not needs_consent(tenant, self.version):
            return False
        if await ports.pending_work.find(CONSENT_CUSTOMER, tenant.ref) is None:
            delay = self.asked // MOST_PER_SECOND
            self.asked += 1
            due = ports.clock.now() + timedelta(seconds=delay)
            await ports.pending_work.record(PendingWork(CONSENT_CUSTOMER, tenant.ref, due))
            queues = ports.sync_requests.queues
            await queues.send(CONSENT_CUSTOMER, tenant.ref, delay_seconds=delay)
        return True
