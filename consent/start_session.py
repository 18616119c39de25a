"""Starting a consent session: the link that the owner takes to Microsoft."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from consent.ports import ConsentPorts
from core.customer_grants import customer_grants
from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.consent_session import (
    LIFETIME,
    ConsentRecord,
    ConsentSession,
    ConsentState,
    hash_state,
)
from domain.errors import MicrosoftRefused
from domain.msp import Msp
from domain.ports.msp_store import TenantRecords
from domain.roles import StaffMember
from domain.row_changes import Decision, Insert, write

_SCOPE = "https://graph.microsoft.com/.default"


@dataclass(frozen=True, slots=True)
class ConsentLink:
    """The page where an owner consents.

    Args:
        authority: Microsoft Entra ID, without a tenant.
        redirect_uri: The callback, exactly as registered.
        graph: Microsoft Graph, without a version.
    """

    authority: str
    redirect_uri: str
    graph: str = "https://graph.microsoft.com"

    def url(self, msp: Msp, session: ConsentSession, state: str) -> str:
        """Return Microsoft's admin-consent page for the session's tenant.

        https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
        """
        query = urlencode(
            {
                "client_id": msp.app.client_id,
                "scope": self._scope(msp, session),
                "redirect_uri": self.redirect_uri,
                "state": state,
            }
        )
        return f"{self.authority}/{session.tenant_id}/v2.0/adminconsent?{query}"

    def _scope(self, msp: Msp, session: ConsentSession) -> str:
        """Return what the page asks for.

        A customer is asked only for the delegated permissions. With `/.default`, the app would
        also get its own permissions there, which GDAP does not limit.
        """
        if session.customer is None:
            return _SCOPE
        names = sorted(customer_grants(msp.app).scopes)
        return " ".join(f"{self.graph}/{name}" for name in names)


@dataclass(frozen=True, slots=True)
class StartedSession:
    """A new session as the portal needs it; only the link holds the state."""

    consent_url: str
    expires_at: datetime


async def start_session(
    ports: ConsentPorts, link: ConsentLink, msp: Msp, member: StaffMember, cause: Cause
) -> StartedSession:
    """Start a session that is bound to the MSP and to the member, and lasts 15 minutes.

    Raises:
        MicrosoftRefused: The MSP's partner app is not registered yet.
    """
    if msp.app.client_id is None:
        raise MicrosoftRefused("The MSP's partner app is not registered yet.")
    state = secrets.token_urlsafe(32)
    session = ConsentSession(
        session=hash_state(state),
        msp_id=msp.msp_id,
        tid=member.tid,
        oid=member.oid,
        name=member.name,
        expires_at=cause.at + LIFETIME,
    )
    await ports.sessions.add(session)
    await decide_and_commit(
        lambda: ports.msps.tenant_records(msp.msp_id, member.tid),
        lambda records: _record(records, session, cause),
        ports.msps.commit,
    )
    return StartedSession(link.url(msp, session, state), session.expires_at)


def _record(records: TenantRecords, session: ConsentSession, cause: Cause) -> Decision[None]:
    record = ConsentRecord(
        session.msp_id, session.session, ConsentState.STARTED, outcome=None, at=cause.at
    )
    event = cause.event(session.msp_id, "consent.started", tenant_id=session.tid)
    return Decision(None, (write(record, records.head.consent), Insert(event)))
