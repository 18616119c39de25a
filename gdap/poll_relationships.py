"""Polling GDAP relationships: Microsoft sends no notification when a customer responds.

A timer queues one message for each MSP.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import uuid4

from core.fan_out import send_to_each_msp
from core.sweeps import all_pages
from core.transactions import decide_and_commit
from domain.audit import SYSTEM, Cause
from domain.errors import DomainError
from domain.gdap import GdapRelationship, RelationshipState, UnreadableRelationship
from domain.identifiers import MspId, TenantId
from domain.msp import Msp
from domain.ports.msp_store import MspHead, MspStore, TenantRecords
from domain.row_changes import Versioned
from domain.tenant import GdapInvite, Tenant, TenantRemoval
from domain.work_queues import POLL_MSP_GDAP
from gdap.consent_requests import ConsentRequests
from gdap.invite_record import record_access
from gdap.ports import GdapPorts
from gdap.reconcile_relationship import reconcile
from gdap.reconciliation import Reconciliation
from telemetry import count

_log = logging.getLogger(__name__)
_PAGE = 1000
# In one poll of an MSP. Each takes a few requests; the others wait for the next poll.
_MOST_ASSIGNMENTS = 200


@dataclass(frozen=True, slots=True)
class MspView:
    """What an MSP has stored of all its customers, read in four ranges.

    It may be out of date when it is used: it only shows which customers to look at closely.
    """

    head: MspHead
    tenants: Mapping[TenantId, Versioned[Tenant]]
    invites: Mapping[TenantId, GdapInvite]
    removals: Mapping[TenantId, TenantRemoval]

    def records(self, tenant_id: TenantId) -> TenantRecords:
        """Return one customer's records, for a preview of the decision; none can be committed."""
        invite, removal = self.invites.get(tenant_id), self.removals.get(tenant_id)
        return TenantRecords(
            self.head,
            self.tenants.get(tenant_id),
            None,
            Versioned(invite, "") if invite else None,
            Versioned(removal, "") if removal else None,
        )


async def poll_relationships(ports: GdapPorts) -> None:
    """Queue the poll of each MSP.

    Raises:
        MessagesNotSent: Some could not be queued; the next poll does.
    """
    await send_to_each_msp(ports.msps, ports.sync_requests.queues, POLL_MSP_GDAP)


async def try_poll(ports: GdapPorts, msp_id: MspId) -> None:
    """Reconcile one MSP's relationships, if they can be read.

    If not, the message still counts as done. The next poll is soon, and a service account that is
    refused stays refused until somebody signs it in.
    """
    try:
        await poll_msp(ports, msp_id)
    except DomainError as error:
        _log.warning("GDAP relationships of MSP %s were not read: %s", msp_id, error)


async def poll_msp(ports: GdapPorts, msp_id: MspId) -> None:
    """Reconcile one MSP's relationships, customer by customer.

    Raises:
        DomainError: They cannot be read. Nothing changes: an unread relationship has not ended.
    """
    head = await ports.msps.head(msp_id)
    if head is None or head.msp.value.closed_at is not None:
        return
    relationships = await ports.gdap.relationships(head.msp.value)
    if relationships.unreadable:
        count("gdap.unreadable", len(relationships.unreadable))
    view, assignments_left = await _read_view(ports.msps, head), _MOST_ASSIGNMENTS
    requests = ConsentRequests(ports, ports.consents.version_of(head.msp.value))
    for tenant_id, of_customer in _by_customer(relationships.found):
        invite = view.invites.get(tenant_id)
        if _may_be_active(tenant_id, invite, of_customer, relationships.unreadable):
            continue
        try:
            assignments_left -= await _reconcile_customer(
                requests, view, tenant_id, of_customer, may_assign=assignments_left > 0
            )
        except Exception:  # noqa: BLE001  the other customers are reconciled anyway
            _log.exception("a customer's GDAP relationships were not reconciled")


async def _read_view(msps: MspStore, head: MspHead) -> MspView:
    msp_id = head.msp.value.msp_id
    tenants = all_pages(lambda token: msps.page(Tenant, msp_id, _PAGE, token))
    invites = all_pages(lambda token: msps.page(GdapInvite, msp_id, _PAGE, token))
    return MspView(
        head,
        {known.value.tenant_id: known async for known in tenants},
        {known.value.tenant_id: known.value async for known in invites},
        {removal.tenant_id: removal for removal in await msps.all(TenantRemoval, msp_id)},
    )


def _may_be_active(
    tenant_id: TenantId,
    invite: GdapInvite | None,
    relationships: Sequence[GdapRelationship],
    unreadable: Sequence[UnreadableRelationship],
) -> bool:
    """Return whether an unreadable relationship may be a customer's only active one.

    The customer is then left alone: its connection would wrongly be recorded as lost.
    """
    is_active = any(found.state is RelationshipState.ACTIVE for found in relationships)
    known = invite.relationship_id if invite else None
    return not is_active and any(one.may_be(tenant_id, known) for one in unreadable)


def _by_customer(
    relationships: Sequence[GdapRelationship],
) -> Iterator[tuple[TenantId, list[GdapRelationship]]]:
    ordered = sorted(relationships, key=lambda relationship: relationship.tenant_id)
    for tenant_id, found in groupby(ordered, key=lambda relationship: relationship.tenant_id):
        yield tenant_id, list(found)


async def _reconcile_customer(
    requests: ConsentRequests,
    view: MspView,
    tenant_id: TenantId,
    relationships: Sequence[GdapRelationship],
    *,
    may_assign: bool,
) -> int:
    """Reconcile one customer's relationships; return the number of assignments, 0 or 1.

    An assignment counts also when `may_assign` postpones it to the next poll.
    """
    ports, msp = requests.ports, view.head.msp.value
    cause = Cause(SYSTEM, ports.clock.now(), str(uuid4()))
    preview = reconcile(view.records(tenant_id), relationships, cause)
    if not preview.operations and not _lacks_access(preview.result, msp):
        await requests.ask_if_missing(preview.result)
        return 0
    reconciliation = await decide_and_commit(
        lambda: ports.msps.tenant_records(msp.msp_id, tenant_id),
        lambda records: reconcile(records, relationships, cause),
        ports.msps.commit,
    )
    is_new = may_assign and await _assign(ports, msp, reconciliation, cause)
    lacks_access = _lacks_access(reconciliation, msp)
    if lacks_access and not is_new:
        return 1
    # The first sync follows the consent.
    is_asked = await requests.ask_if_missing(reconciliation)
    if reconciliation.tenant and is_new and not is_asked:
        await ports.sync_requests.request(reconciliation.tenant.ref, cause.at)
    return int(lacks_access)


def _lacks_access(reconciliation: Reconciliation, msp: Msp) -> bool:
    """Return whether the security groups do not have the access yet that the MSP configured."""
    tenant, invite = reconciliation.tenant, reconciliation.invite
    if tenant is None or invite is None or reconciliation.relationship is None:
        return False
    if not tenant.is_synced:
        return False
    return bool(msp.app.access) and invite.assigned != msp.app.access


async def _assign(ports: GdapPorts, msp: Msp, reconciliation: Reconciliation, cause: Cause) -> bool:
    """Give the security groups their access; return whether it was recorded now."""
    relationship, tenant = reconciliation.relationship, reconciliation.tenant
    if not _lacks_access(reconciliation, msp) or relationship is None or tenant is None:
        return False
    try:
        complete = await ports.gdap.assign(msp, relationship)
    except DomainError as error:
        # The tenant's sync reports the missing access; the next poll tries again.
        _log.warning("no access was assigned in a GDAP relationship: %s", error)
        return False
    if not complete:
        return False
    return await decide_and_commit(
        lambda: ports.msps.tenant_records(msp.msp_id, tenant.tenant_id),
        lambda records: record_access(records, relationship.relationship_id, msp.app.access, cause),
        ports.msps.commit,
    )
