"""Consent to the partner app in one customer's tenant: given, proven, then followed by a sync.

The pending work is removed last, so that a crash repeats the work. It begins with the proof, so
that a repetition gives no consent twice.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from core.transactions import decide_and_commit
from domain.audit import SYSTEM, Cause
from domain.customer_consent import (
    PROVEN_WITHIN,
    customer_of,
    decide_given,
    decide_proven,
    decide_refused,
    needs_consent,
)
from domain.errors import CustomerConsentRefused, MicrosoftUnavailable
from domain.identifiers import TenantRef
from domain.msp import Msp
from domain.ports.msp_store import TenantRecords
from domain.ports.pending_work import PendingWork
from domain.row_changes import Decision
from domain.tenant import Tenant
from domain.work_queues import CONSENT_CUSTOMER
from gdap.ports import GdapPorts
from telemetry import count

_log = logging.getLogger(__name__)

# Waits for Entra ID to show a consent: within a message, then between messages.
_PAUSES = (0.5, 1.0, 2.0, 4.0)
_UNPROVEN_SECONDS = 20
# After a refusal: as long as it has lasted, from two minutes to an hour.
_SHORTEST_WAIT, _LONGEST_WAIT = timedelta(minutes=2), timedelta(hours=1)
_NOT_PROVEN = (
    "Partner Center accepted the consent, but the service account's tokens do not have all"
    " permissions: have an administrator of the customer consent."
)


async def consent_customer(ports: GdapPorts, ref: TenantRef, request_id: str) -> None:
    """Make one attempt to have the current version consented to in a customer's tenant.

    A tenant that is gone, cannot be reached or has consented already needs no more attempts.
    """
    cause = Cause(SYSTEM, ports.clock.now(), request_id)
    records = await ports.msps.tenant_records(ref.msp_id, ref.tenant_id)
    known, msp = customer_of(records, ref), records.head.msp.value
    version = ports.consents.version_of(msp)
    if known is None or not needs_consent(known.value, version):
        await _end(ports, ref, is_consented=known is not None)
        return
    try:
        is_proven = await _ensure(ports, msp, known.value)
    except CustomerConsentRefused as refusal:
        await _record_refusal(ports, known.value, refusal, cause)
    except MicrosoftUnavailable as error:
        _log.warning("the consent of a customer is postponed: %s", error)
        await _postpone(ports, ref, round(error.retry_after + 0.5))
    else:
        then = _finish if is_proven else _wait_for_entra
        await then(ports, known.value, version, cause)


async def _ensure(ports: GdapPorts, msp: Msp, tenant: Tenant) -> bool:
    """Give the consent unless it is there; return whether it is proven."""
    if await ports.consents.is_given(msp, tenant.tenant_id):
        return True
    given_at = _given_at(tenant, ports.consents.version_of(msp))
    if given_at and ports.clock.now() < given_at + PROVEN_WITHIN:
        return False
    await ports.consents.give(msp, tenant.tenant_id)
    for seconds in _PAUSES:
        if await ports.consents.is_given(msp, tenant.tenant_id):
            return True
        await ports.pause(seconds)
    if given_at:
        raise CustomerConsentRefused("not_proven", _NOT_PROVEN)
    return False


def _given_at(tenant: Tenant, version: str) -> datetime | None:
    """Return when Partner Center accepted this version, if that is not proven yet."""
    consent = tenant.app_consent
    return consent.at if consent and consent.given == version else None


async def _finish(ports: GdapPorts, tenant: Tenant, version: str, cause: Cause) -> None:
    """Record the proof, and then have the tenant synced."""
    await _commit(ports, tenant, lambda r: decide_proven(r, tenant.ref, version, cause))
    count("consents.customers", outcome="completed")
    await _end(ports, tenant.ref, is_consented=True)


async def _end(ports: GdapPorts, ref: TenantRef, *, is_consented: bool) -> None:
    """Request the sync that follows a consent, once, and remove the work.

    The work of an earlier attempt that crashed after it recorded the consent is still there.
    """
    if is_consented and await ports.pending_work.find(CONSENT_CUSTOMER, ref):
        await ports.sync_requests.request(ref, ports.clock.now())
    await ports.pending_work.drop(CONSENT_CUSTOMER, ref)


async def _wait_for_entra(ports: GdapPorts, tenant: Tenant, version: str, cause: Cause) -> None:
    if _given_at(tenant, version) is None:
        await _commit(ports, tenant, lambda r: decide_given(r, tenant.ref, version, cause))
    await _postpone(ports, tenant.ref, _UNPROVEN_SECONDS)


async def _record_refusal(
    ports: GdapPorts, tenant: Tenant, refusal: CustomerConsentRefused, cause: Cause
) -> None:
    """Record why it is refused; the timer of pending work queues the next attempt."""
    await _commit(ports, tenant, lambda r: decide_refused(r, tenant.ref, refusal, cause))
    count("consents.customers", outcome=refusal.reason)
    consent, lasted = tenant.app_consent, timedelta()
    if consent and consent.at and consent.refused == refusal.reason:
        lasted = cause.at - consent.at
    wait = min(max(lasted, _SHORTEST_WAIT), _LONGEST_WAIT)
    await ports.pending_work.record(PendingWork(CONSENT_CUSTOMER, tenant.ref, cause.at + wait))


async def _postpone(ports: GdapPorts, ref: TenantRef, seconds: int) -> None:
    due = ports.clock.now() + timedelta(seconds=seconds)
    await ports.pending_work.record(PendingWork(CONSENT_CUSTOMER, ref, due))
    await ports.sync_requests.queues.send(CONSENT_CUSTOMER, ref, delay_seconds=seconds)


async def _commit(
    ports: GdapPorts, tenant: Tenant, decide: Callable[[TenantRecords], Decision[None]]
) -> None:
    await decide_and_commit(
        lambda: ports.msps.tenant_records(tenant.msp_id, tenant.tenant_id),
        decide,
        ports.msps.commit,
    )
