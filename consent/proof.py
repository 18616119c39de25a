"""The proof of a consent: Microsoft, asked directly, confirms the organisation."""

import logging

from consent.ports import ConsentPorts
from domain.consent_session import ConsentOutcome, ConsentSession
from domain.errors import (
    ConsentRequired,
    CustomerConsentRefused,
    MicrosoftRefused,
    MicrosoftUnavailable,
    OrganizationMismatch,
)
from domain.identifiers import TenantId
from domain.msp import Msp
from domain.tenant import Organization

_log = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 2.0


async def prove(ports: ConsentPorts, session: ConsentSession) -> Organization | ConsentOutcome:
    """Return the organisation that Microsoft confirms, or FAILED when a retry cannot help.

    The consent of a customer's administrator is ENABLED once a delegated token proves it.

    Raises:
        ConsentRequired: Microsoft does not know of the consent, or not yet.
        MicrosoftUnavailable: Microsoft does not answer.
    """
    head = await ports.msps.head(session.msp_id)
    if head is None:
        return ConsentOutcome.FAILED
    if session.customer is not None:
        return await _prove_customer(ports, head.msp.value, session.customer)
    try:
        return await ports.identity.prove_consent(head.msp.value, session.tid)
    except (MicrosoftRefused, OrganizationMismatch) as error:
        _log.warning("consent cannot be proven: %s", type(error).__name__)
        return ConsentOutcome.FAILED


async def _prove_customer(ports: ConsentPorts, msp: Msp, customer: TenantId) -> ConsentOutcome:
    try:
        is_given = await ports.consents.is_given(msp, customer)
    except CustomerConsentRefused as refusal:
        _log.warning("a customer's consent cannot be proven: %s", refusal)
        return ConsentOutcome.FAILED
    if not is_given:
        raise ConsentRequired("The customer has not consented to all permissions (yet).")
    return ConsentOutcome.ENABLED


async def prove_with_retries(
    ports: ConsentPorts, session: ConsentSession
) -> Organization | ConsentOutcome:
    """Prove a consent, and retry until Microsoft knows of it; the caller sets the time limit."""
    pause = _FIRST_PAUSE
    while True:
        try:
            return await prove(ports, session)
        except (ConsentRequired, MicrosoftUnavailable):
            # Consent takes seconds to propagate in Entra.
            await ports.pause(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
