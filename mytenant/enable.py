"""Manual enable: creates the partner tenant, or converts the customer row."""

from core.consented_manifest import note_permissions
from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.errors import OtherTenantNamed
from domain.identifiers import TenantId
from domain.msp import Msp
from domain.partner_tenant import Enabled, Enabling, enable, refuse_second
from domain.ports.identity import Identity
from domain.ports.msp_store import MspHead, MspStore, TenantRecords
from domain.row_changes import Decision


def tenant_to_enable(head: MspHead, caller_tid: TenantId, named: TenantId | None) -> TenantId:
    """Return the only tenant that the caller may enable.

    It is the tenant that Microsoft confirmed in the current consent session, else the tenant that
    the caller signed in from. A request body can confirm it, but cannot choose another one.

    Raises:
        OtherTenantNamed: The body names another tenant.
    """
    consent = head.consent.value if head.consent else None
    detected = consent.detected_tenant_id if consent else None
    own = detected or caller_tid
    if named not in (None, own):
        raise OtherTenantNamed("Only the MSP's own tenant can be enabled.")
    return own


async def enable_partner_tenant(
    msps: MspStore, identity: Identity, msp: Msp, tenant_id: TenantId, cause: Cause
) -> Enabled:
    """Make the tenant the MSP's partner tenant, in one transaction.

    Raises:
        PartnerTenantExists: Another tenant is the partner tenant.
        ConsentRequired: The partner app has no consent in the tenant.
    """

    async def read() -> TenantRecords:
        return await msps.tenant_records(msp.msp_id, tenant_id)

    records = await read()
    refuse_second(records, tenant_id)
    if records.tenant and records.tenant.value.is_own_msp_tenant:
        return Enabled(Enabling.ALREADY, records.tenant.value)
    organization = await identity.prove_consent(msp, tenant_id)

    def decide(latest: TenantRecords) -> Decision[Enabled]:
        decision = enable(latest, organization, cause, convert=True)
        noted = note_permissions(latest, organization) if decision.operations else ()
        return Decision(decision.result, decision.operations + noted)

    return await decide_and_commit(read, decide, msps.commit)
