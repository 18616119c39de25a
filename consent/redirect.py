"""Reading Microsoft's redirect. Its query string is not signed: nothing in it is proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.consent_session import ConsentOutcome, ConsentSession, hash_state
from domain.errors import MalformedInput
from domain.identifiers import SessionHash, parse_guid

# Microsoft's names for "the admin said no"; any other error is a failure.
# https://learn.microsoft.com/entra/identity-platform/v2-admin-consent#error-response
_REFUSALS = {"access_denied", "consent_required", "permission_denied"}
_PARAMETERS = ("tenant", "admin_consent", "state", "scope", "error", "error_description")
_LONGEST_STATE = 512


@dataclass(frozen=True, slots=True)
class Redirect:
    """What a redirect says, each parameter once or not at all.

    Args:
        session: Hash of the (first) `state`, or None without one.
        well_formed: False when a parameter is doubled.
    """

    session: SessionHash | None
    well_formed: bool
    error: str | None
    admin_consent: str | None
    tenant: str | None

    @classmethod
    def read(cls, arguments: Mapping[str, Sequence[str]]) -> "Redirect":
        """Read the raw query string's arguments; ones that Microsoft may add are ignored."""
        # A doubled state is refused like anything doubled, and spent all the same.
        state = next(iter(arguments.get("state", ())), None)
        return cls(
            session=hash_state(state) if state and len(state) <= _LONGEST_STATE else None,
            well_formed=all(len(arguments.get(name, ())) <= 1 for name in _PARAMETERS),
            error=_only(arguments, "error"),
            admin_consent=_only(arguments, "admin_consent"),
            tenant=_only(arguments, "tenant"),
        )


def _only(arguments: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = arguments.get(name, ())
    return values[0] if len(values) == 1 else None


def refusal(redirect: Redirect, session: ConsentSession, now: datetime) -> ConsentOutcome | None:
    """Return why a redirect with a known, unspent state enables nothing; None when it may.

    `error` is read before `admin_consent=True`, which Microsoft sends with errors too.
    """
    if not redirect.well_formed:
        return ConsentOutcome.INVALID
    if now >= session.expires_at:
        return ConsentOutcome.EXPIRED
    if redirect.error is not None:
        return ConsentOutcome.DECLINED if redirect.error in _REFUSALS else ConsentOutcome.FAILED
    # Microsoft's older endpoint sends no scope, and one that is sent proves nothing.
    if redirect.admin_consent != "True" or not redirect.tenant:
        return ConsentOutcome.INVALID
    return _tenant_refusal(redirect.tenant, session)


def _tenant_refusal(tenant: str, session: ConsentSession) -> ConsentOutcome | None:
    """Let nobody claim a tenant but the one that the starter of the session signed in from."""
    try:
        tenant_id = parse_guid(tenant, "tenant")
    except MalformedInput:
        return ConsentOutcome.INVALID
    return None if tenant_id == session.tid else ConsentOutcome.TENANT_MISMATCH
