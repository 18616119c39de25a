"""The query string of Microsoft's redirect. It is not signed: nothing in it is proof.

https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field, PrivateAttr

from domain.consent_session import ConsentOutcome, ConsentSession, hash_state
from domain.errors import MalformedInput
from domain.identifiers import SessionHash, parse_guid
from edge.models import RequestModel

# Microsoft's codes for an admin who said no; any other error is a failure.
# https://learn.microsoft.com/entra/identity-platform/v2-admin-consent#error-response
_REFUSALS = {"access_denied", "consent_required", "permission_denied"}
_LONGEST_STATE = 512


class CallbackQuery(RequestModel):
    """The redirect's parameters, each None when it is missing or doubled.

    A doubled `state` is the exception: its first value still identifies the session, so that the
    session is spent. OpenAPI shows the fields; `read` accepts whatever the browser sends.
    """

    tenant: str | None = Field(None, description="The tenant whose admin consented.")
    admin_consent: str | None = Field(
        None, alias="admin_consent", description="`True`, with errors too."
    )
    state: str | None = Field(None, description="As the session's link had it.")
    scope: str | None = Field(
        None, description="What was consented to; may be missing, and proves nothing."
    )
    error: str | None = Field(None, description="Why it was not; read before all else.")
    error_description: str | None = Field(
        None, alias="error_description", description="The same for people; never shown."
    )
    _has_doubled: bool = PrivateAttr(default=False)

    @classmethod
    def read(cls, arguments: Mapping[str, Sequence[str]]) -> "CallbackQuery":
        """Read the raw query string's arguments; parameters that Microsoft may add are ignored."""
        given = {name: arguments[name] for name in cls.model_fields if arguments.get(name)}
        values: dict[str, Any] = {
            name: texts[0] for name, texts in given.items() if len(texts) == 1 or name == "state"
        }
        query = cls.model_construct(**values)
        query._has_doubled = any(len(texts) > 1 for texts in given.values())  # noqa: SLF001  its own
        return query

    @property
    def session(self) -> SessionHash | None:
        """Hash of the state, or None without one that a session can have."""
        if not self.state or len(self.state) > _LONGEST_STATE:
            return None
        return hash_state(self.state)

    def refusal(self, session: ConsentSession, now: datetime) -> ConsentOutcome | None:
        """Return the outcome of a redirect that enables nothing, or None when it may enable.

        The session is known and unspent. `error` is read before `admin_consent=True`, which
        Microsoft sends with errors too.
        """
        if self._has_doubled:
            return ConsentOutcome.INVALID
        if now >= session.expires_at:
            return ConsentOutcome.EXPIRED
        if self.error is not None:
            return ConsentOutcome.DECLINED if self.error in _REFUSALS else ConsentOutcome.FAILED
        # Microsoft's older endpoint sends no scope, and one that is sent proves nothing.
        if self.admin_consent != "True" or not self.tenant:
            return ConsentOutcome.INVALID
        return _tenant_refusal(self.tenant, session)


def _tenant_refusal(tenant: str, session: ConsentSession) -> ConsentOutcome | None:
    """Accept no tenant but the session's: the starter's own, or the customer of a link."""
    try:
        tenant_id = parse_guid(tenant, "tenant")
    except MalformedInput:
        return ConsentOutcome.INVALID
    return None if tenant_id == session.tenant_id else ConsentOutcome.TENANT_MISMATCH
