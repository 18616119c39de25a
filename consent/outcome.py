"""The outcome of a consent: decided from what is stored, and committed in one transaction.

A session is completed, once, with its final outcome, or postponed to the queue until then.
"""

from consent.ports import ConsentPorts
from consent.session_work import mark_finished, queue_attempt
from core.consented_manifest import note_permissions
from core.transactions import decide_and_commit
from domain.audit import Actor, Cause
from domain.consent_session import (
    ConsentOutcome,
    ConsentRecord,
    ConsentSession,
    ConsentState,
    state_of,
)
from domain.customer_consent import decide_session
from domain.errors import PartnerTenantExists
from domain.partner_tenant import Enabling, enable
from domain.ports.msp_store import TenantRecords
from domain.row_changes import Decision, Insert, Replace, RowChange
from domain.tenant import Organization, Tenant

_FINAL = {ConsentState.COMPLETED, ConsentState.FAILED}
_ACTIONS = {
    ConsentState.PENDING: "consent.pending",
    ConsentState.COMPLETED: "consent.completed",
    ConsentState.FAILED: "consent.refused",
}


async def complete(
    ports: ConsentPorts,
    session: ConsentSession,
    result: Organization | ConsentOutcome,
    request_id: str,
) -> ConsentOutcome:
    """Write the final outcome and what follows from it: an enabled tenant's first sync.

    Args:
        result: The organisation that Microsoft confirmed, or the outcome that enables nothing.
    """
    outcome, tenant = await _commit(ports, session, result, request_id)
    if outcome is ConsentOutcome.ENABLED and tenant is not None:
        await ports.sync_requests.request(tenant.ref, ports.clock.now())
    await mark_finished(ports, session)
    return outcome


async def postpone(ports: ConsentPorts, session: ConsentSession, request_id: str) -> ConsentOutcome:
    """Show the consent as pending and queue the next attempt, unless a disable has ended it."""
    outcome, _ = await _commit(ports, session, ConsentOutcome.PENDING, request_id)
    if outcome is ConsentOutcome.PENDING:
        await queue_attempt(ports, session)
    else:
        await mark_finished(ports, session)
    return outcome


async def _commit(
    ports: ConsentPorts,
    session: ConsentSession,
    result: Organization | ConsentOutcome,
    request_id: str,
) -> tuple[ConsentOutcome, Tenant | None]:
    """Commit the outcome, its audit event, and the tenant if it is enabled.

    Returns:
        The outcome that is stored, and the tenant that it enables.
    """
    actor = Actor("consent", session.tid, session.oid, session.name)
    cause = Cause(actor, ports.clock.now(), request_id)

    def decide(records: TenantRecords) -> Decision[tuple[ConsentOutcome, Tenant | None]]:
        if session.customer is not None and isinstance(result, ConsentOutcome):
            version = ports.consents.version_of(records.head.msp.value)
            return decide_session(records, session, result, version, cause)
        return decide_outcome(records, session, result, cause)

    return await decide_and_commit(
        lambda: ports.msps.tenant_records(session.msp_id, session.tenant_id),
        decide,
        ports.msps.commit,
    )


def decide_outcome(
    records: TenantRecords,
    session: ConsentSession,
    result: Organization | ConsentOutcome,
    cause: Cause,
) -> Decision[tuple[ConsentOutcome, Tenant | None]]:
    """Decide the outcome of a session; a final outcome that is stored already is kept."""
    known = records.head.consent
    if known and known.value.session == session.session and known.value.state in _FINAL:
        return _stored_outcome(records, known.value)
    if known is None and (isinstance(result, Organization) or result is ConsentOutcome.PENDING):
        # A disable has removed the record; it ends the sessions that were started before it.
        result = ConsentOutcome.EXPIRED
    outcome, tenant, operations = _enabling(records, result, cause)
    event = cause.event(
        session.msp_id, _ACTIONS[state_of(outcome)], tenant_id=session.tid, outcome=str(outcome)
    )
    operations += (Insert(event),)
    if known and _may_show(known.value, session, outcome):
        detected = result.tenant_id if isinstance(result, Organization) else None
        record = ConsentRecord(
            session.msp_id, session.session, state_of(outcome), outcome, cause.at, detected
        )
        operations += (Replace(record, known.version),)
    return Decision((outcome, tenant), operations)


def _stored_outcome(
    records: TenantRecords, record: ConsentRecord
) -> Decision[tuple[ConsentOutcome, Tenant | None]]:
    own = records.tenant and records.tenant.value.is_own_msp_tenant
    tenant = records.tenant.value if own and records.tenant else None
    return Decision((record.outcome or ConsentOutcome.FAILED, tenant))


def _enabling(
    records: TenantRecords, result: Organization | ConsentOutcome, cause: Cause
) -> tuple[ConsentOutcome, Tenant | None, tuple[RowChange, ...]]:
    """Return the outcome, and the tenant with its rows if a confirmed organisation enables it."""
    if not isinstance(result, Organization):
        return result, None, ()
    try:
        decision = enable(records, result, cause, convert=False)
    except PartnerTenantExists:
        return ConsentOutcome.PARTNER_TENANT_EXISTS, None, ()
    if decision.result.enabling is Enabling.EXISTING_CUSTOMER:
        return ConsentOutcome.EXISTING_TENANT, None, ()
    # Only the partner tenant's consent says what permissions the partner app has.
    permissions = note_permissions(records, result)
    return ConsentOutcome.ENABLED, decision.result.tenant, decision.operations + permissions


def _may_show(shown: ConsentRecord, session: ConsentSession, outcome: ConsentOutcome) -> bool:
    """Return whether an outcome replaces the record that the portal shows.

    A newer session's record stays when this session fails, or when the newer one has got further.
    """
    state = state_of(outcome)
    if shown.session == session.session or state is ConsentState.COMPLETED:
        return True
    return state is ConsentState.PENDING and shown.state is ConsentState.STARTED
