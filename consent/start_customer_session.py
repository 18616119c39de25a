"""A link with which a customer's administrator consents where Partner Center cannot."""

import secrets

from consent.ports import ConsentPorts
from consent.start_session import ConsentLink, StartedSession
from domain.audit import Cause
from domain.consent_session import CUSTOMER_LIFETIME, ConsentSession, hash_state
from domain.errors import InvalidStatus
from domain.row_changes import Insert
from domain.tenant import Tenant
from edge.authorization import Caller


async def start_customer_session(
    ports: ConsentPorts, link: ConsentLink, caller: Caller, tenant: Tenant, cause: Cause
) -> StartedSession:
    """Start a session that is bound to the MSP and to the customer's tenant, and lasts 7 days.

    Raises:
        InvalidStatus: It is the partner tenant, or a customer that cannot be reached.
    """
    if tenant.is_own_msp_tenant:
        raise InvalidStatus("The MSP's own tenant consents in the settings of the portal.")
    if not tenant.is_synced:
        raise InvalidStatus("Only a customer that is active and can be reached may consent.")
    state, member = secrets.token_urlsafe(32), caller.member
    session = ConsentSession(
        session=hash_state(state),
        msp_id=caller.msp_id,
        tid=member.tid,
        oid=member.oid,
        name=member.name,
        expires_at=cause.at + CUSTOMER_LIFETIME,
        customer=tenant.tenant_id,
    )
    await ports.sessions.add(session)
    event = cause.event(caller.msp_id, "consent.link_created", tenant_id=tenant.tenant_id)
    await ports.msps.commit((Insert(event),))
    return StartedSession(link.url(caller.msp, session, state), session.expires_at)
