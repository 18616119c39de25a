"""Edits and lifecycle steps of one tenant; its version guards against concurrent changes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.errors import StaleVersion, TenantNotFound
from domain.identifiers import MspId, TenantId
from domain.lifecycle import LifecycleStep, take
from domain.ports.msp_store import MspStore, TenantRecords
from domain.row_changes import Decision, Insert, Replace, RowChange, Versioned
from domain.tenant import Tenant
from domain.usage import TenantUsage


@dataclass(frozen=True, slots=True)
class Edit:
    """The fields that an edit may change; None leaves a field unchanged.

    Args:
        notes: An empty text removes the notes.
        if_match: The version that the edit is based on; None or `*` for any version.
    """

    display_name: str | None
    notes: str | None
    if_match: str | None = None


def decide_edit(
    known: Versioned[Tenant], usage: Versioned[TenantUsage] | None, edit: Edit, cause: Cause
) -> Decision[Tenant]:
    """Decide an edit; an edit without changes writes nothing.

    A customer's usage row contains the name for the invoice, so it is renamed as well.
    """
    before = known.value
    after = replace(
        before,
        display_name=before.display_name if edit.display_name is None else edit.display_name,
        notes=before.notes if edit.notes is None else edit.notes or None,
    )
    if after == before:
        return Decision(after)
    event = cause.event(
        after.msp_id,
        "tenant.edited",
        tenant_id=after.tenant_id,
        before={"displayName": before.display_name, "notes": before.notes},
        after={"displayName": after.display_name, "notes": after.notes},
    )
    operations: tuple[RowChange, ...] = (Replace(after, known.version), Insert(event))
    if usage and usage.value.tenant_name != after.display_name:
        renamed = replace(usage.value, tenant_name=after.display_name)
        operations += (Replace(renamed, usage.version),)
    return Decision(after, operations)


async def edit_tenant(
    msps: MspStore, msp_id: MspId, tenant_id: TenantId, edit: Edit, cause: Cause
) -> None:
    """Change a tenant's name or notes.

    Raises:
        TenantNotFound: No such tenant at this MSP.
        StaleVersion: The tenant no longer has the version that the edit is based on.
    """

    def decide(records: TenantRecords) -> Decision[Tenant]:
        known = _required(records)
        if edit.if_match not in (None, "*", known.version):
            raise StaleVersion("The tenant has changed since it was read.")
        return decide_edit(known, records.usage, edit, cause)

    await _change(msps, msp_id, tenant_id, decide)


async def take_step(
    msps: MspStore, msp_id: MspId, tenant_id: TenantId, step: LifecycleStep, cause: Cause
) -> Tenant:
    """Take a step of the tenant's lifecycle, and change its usage in the same transaction.

    Returns:
        The tenant after the step.

    Raises:
        TenantNotFound: No such tenant at this MSP.
        PartnerTenantProtected: It is the MSP's own partner tenant.
        InvalidStatus: The step is not allowed from the tenant's current status.
    """
    return await _change(
        msps,
        msp_id,
        tenant_id,
        lambda records: take(step, _required(records), records, cause),
    )


async def _change(
    msps: MspStore,
    msp_id: MspId,
    tenant_id: TenantId,
    decide: Callable[[TenantRecords], Decision[Tenant]],
) -> Tenant:
    return await decide_and_commit(
        lambda: msps.tenant_records(msp_id, tenant_id), decide, msps.commit
    )


def _required(records: TenantRecords) -> Versioned[Tenant]:
    if records.tenant is None:
        raise TenantNotFound("No such tenant.")
    return records.tenant
