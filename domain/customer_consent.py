"""The partner app's consent in customers' tenants. Pure decisions on tenant records.

    None ──given──> proven             Entra ID issues a token with all of the version's scopes
      │      └────> given ──> proven   Partner Center accepted it; Entra ID shows it later
      └──refused──> an administrator's link, or a later attempt ──> proven

A new version of the permissions starts again from the left; the earlier version stays consented.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.audit import Cause
from domain.consent_session import ConsentOutcome, ConsentSession, ConsentState, state_of
from domain.errors import CustomerConsentRefused
from domain.identifiers import TenantRef
from domain.ports.msp_store import TenantRecords
from domain.row_changes import Decision, Insert, Replace, Versioned
from domain.tenant import AppConsent, Tenant

# Entra ID shows a consent within minutes; if it does not, Partner Center is asked again.
PROVEN_WITHIN = timedelta(minutes=10)
_NONE = AppConsent()
_ACTIONS = {
    ConsentState.PENDING: "consent.pending",
    ConsentState.COMPLETED: "consent.completed",
    ConsentState.FAILED: "consent.refused",
}


def needs_consent(tenant: Tenant, version: str) -> bool:
    """Return whether a customer that can be reached has not consented to this version yet."""
    consent = tenant.app_consent or _NONE
    return tenant.is_synced and not tenant.is_own_msp_tenant and consent.version != version


def customer_of(records: TenantRecords, ref: TenantRef | None = None) -> Versioned[Tenant] | None:
    """Return a customer that can be reached, in this life if one is named; None otherwise."""
    known = records.tenant
    if known is None or records.head.msp.value.closed_at is not None:
        return None
    tenant = known.value
    if tenant.is_own_msp_tenant or not tenant.is_synced or ref not in (None, tenant.ref):
        return None
    return known


def decide_given(
    records: TenantRecords, ref: TenantRef, version: str, cause: Cause
) -> Decision[None]:
    """Decide to record that Partner Center has accepted a consent that is not proven yet."""
    known = customer_of(records, ref)
    before = known.value.app_consent or _NONE if known else _NONE
    if known is None or before.version == version:
        return Decision(None)
    after = replace(before, given=version, at=cause.at)
    return _record(known, after, "consent.given", cause)


def decide_proven(
    records: TenantRecords, ref: TenantRef, version: str, cause: Cause
) -> Decision[None]:
    """Decide to record that a token proves the consent; once for each version."""
    known = customer_of(records, ref)
    before = known.value.app_consent or _NONE if known else _NONE
    if known is None or before.version == version:
        return Decision(None)
    after = AppConsent(version=version, at=cause.at, session=before.session)
    return _record(known, after, "consent.completed", cause)


def decide_refused(
    records: TenantRecords, ref: TenantRef, refusal: CustomerConsentRefused, cause: Cause
) -> Decision[None]:
    """Decide to record why a consent cannot be given; the same reason again changes nothing."""
    known = customer_of(records, ref)
    before = known.value.app_consent or _NONE if known else _NONE
    if known is None or before.refused == refusal.reason:
        return Decision(None)
    after = replace(before, given=None, at=cause.at, refused=refusal.reason, advice=refusal.advice)
    return _record(known, after, "consent.refused", cause)


def decide_session(
    records: TenantRecords,
    session: ConsentSession,
    outcome: ConsentOutcome,
    version: str,
    cause: Cause,
) -> Decision[tuple[ConsentOutcome, Tenant | None]]:
    """Decide the outcome of an administrator's link; a final outcome is recorded once.

    Returns:
        The outcome, and the tenant whose consent is proven by it.
    """
    known = customer_of(records)
    if known is None:  # It was removed or offboarded since the link was made.
        return Decision((ConsentOutcome.EXPIRED, None))
    before, state = known.value.app_consent or _NONE, state_of(outcome)
    shown = known.value if outcome is ConsentOutcome.ENABLED else None
    if before.session == session.session:
        return Decision((outcome, shown))
    if state is ConsentState.PENDING:
        event = cause.event(
            session.msp_id, _ACTIONS[state], tenant_id=session.tenant_id, outcome=str(outcome)
        )
        return Decision((outcome, None), (Insert(event),))
    after = replace(before, session=session.session)
    if shown:
        after = AppConsent(version=version, at=cause.at, session=session.session)
    operations = _record(known, after, _ACTIONS[state], cause, str(outcome)).operations
    return Decision((outcome, shown), operations)


def describe_consent(consent: AppConsent) -> dict[str, Any]:
    """Return the properties of a consent that an audit event contains."""
    return {
        "consentedVersion": consent.version,
        "givenVersion": consent.given,
        "refused": consent.refused,
    }


def _record(
    known: Versioned[Tenant],
    after: AppConsent,
    action: str,
    cause: Cause,
    outcome: str | None = None,
) -> Decision[None]:
    tenant = known.value
    event = cause.event(
        tenant.msp_id,
        action,
        tenant_id=tenant.tenant_id,
        outcome=outcome or after.refused,
        before=describe_consent(tenant.app_consent or _NONE),
        after=describe_consent(after),
    )
    row = Replace(replace(tenant, app_consent=after), known.version)
    return Decision(None, (row, Insert(event)))
