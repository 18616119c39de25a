"""Deletion of an MSP: tenants, invites and staff are removed; audit, usage and invoices stay."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from billing.close_month import due_month
from core.remove_tenant import RemovalPorts, remove_tenant
from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.billing_account import BillingAccount
from domain.errors import MalformedInput, NoPartnerTenant, TenantNotFound
from domain.identifiers import MspId, TenantId
from domain.invoice import Payment, invoice_name
from domain.msp import Msp
from domain.partner_tenant import disable
from domain.ports.msp_store import MspHead, MspStore, TenantRecords
from domain.ports.page import Page
from domain.ports.staff_index import StaffIndex
from domain.roles import StaffMember
from domain.row_changes import Decision, Insert, Remove, Replace, RowChange, write
from domain.tenant import GdapInvite, Tenant
from ops.command import head_of
from tenants.hard_delete import decide_hard_delete

_PAGE = 100


class InvoicesUnpaid(Exception):
    """The MSP owes money, or a past month is not invoiced yet: the claim would be lost."""


@dataclass(frozen=True, slots=True)
class PaymentRecords:
    """The records that decide about a deletion.

    The head was read first: the check of its billing account's version protects the invoices.
    """

    head: MspHead
    unpaid: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionPorts(RemovalPorts):
    """The ports that the deletion of an MSP needs."""

    staff_index: StaffIndex


@dataclass(frozen=True, slots=True)
class Deleted:
    """The numbers of rows that this run has removed, and the secrets no longer in use."""

    tenants: int
    staff: int
    secrets: tuple[str, ...]


async def delete_msp(ports: DeletionPorts, msp_id: MspId, name: str, cause: Cause) -> Deleted:
    """Delete an MSP. An interrupted run can be repeated: it continues with what is left.

    The staff lose access at once, and nothing can be added any more. The closed profile is kept:
    it is the buyer on the invoices that are kept, and on the last one, which is still to be made.

    Args:
        name: The MSP's name, as the operator typed it.

    Raises:
        NoSuchMsp: There is no such MSP.
        MalformedInput: The name does not match.
        InvoicesUnpaid: Invoices are unpaid, or still to be issued; nothing has changed.
    """
    head = await head_of(ports.msps, msp_id)
    if name.strip() != head.msp.value.name:
        raise MalformedInput("name", "must be the MSP's own name")

    await decide_and_commit(
        lambda: read_payments(ports.msps, msp_id),
        lambda records: decide_close(records, cause),
        ports.msps.commit,
    )
    staff = await _remove_staff(ports, msp_id, cause)
    tenants = await _remove_tenants(ports, msp_id, cause)
    await _remove_invites(ports, msp_id, cause)
    app = head.msp.value.app
    secrets = tuple(name for name in (app.credential, app.service_account) if name)
    return Deleted(tenants, staff, secrets)


async def read_payments(msps: MspStore, msp_id: MspId) -> PaymentRecords:
    """Return the MSP's head and the numbers of its unpaid invoices."""
    head = await head_of(msps, msp_id)
    payments = await msps.all(Payment, msp_id)
    unpaid = [invoice_name(payment.number) for payment in payments if not payment.paid_at]
    return PaymentRecords(head, unpaid)


def decide_close(records: PaymentRecords, cause: Cause) -> Decision[None]:
    """Decide the deletion of an MSP: it is closed permanently, and no consent continues.

    The billing account is replaced as well: if an invoice is issued at the same time, either it
    or the deletion is committed first, and the other one sees the change.

    Raises:
        InvoicesUnpaid: Invoices are unpaid, or one is still to be issued.
    """
    head, before = records.head, records.head.msp.value
    if before.closed_at is not None:
        return Decision(None)
    if records.unpaid:
        raise InvoicesUnpaid(f"These invoices are unpaid: {', '.join(records.unpaid)}.")
    if month := due_month(head, cause.at):
        raise InvoicesUnpaid(f"{month} is not invoiced yet; the next run of invoices does it.")
    event = cause.event(before.msp_id, "msp.deleted", before=_describe(before))
    account = head.account.value if head.account else BillingAccount(before.msp_id)
    operations: tuple[RowChange, ...] = (
        Replace(replace(before, closed_at=cause.at, owners=0), head.msp.version),
        write(account, head.account),
        Insert(event),
    )
    if head.consent:
        operations += (Remove(head.consent.value, head.consent.version),)
    return Decision(None, operations)


def _describe(msp: Msp) -> dict[str, str]:
    return {"name": msp.name, "tier": str(msp.tier)}


async def _first_of_each_page[T](
    fetch: Callable[[], Awaitable[Page[T]]],
) -> AsyncIterator[T]:
    """Yield all items until none is left; the caller removes each one before the next page."""
    while items := (await fetch()).items:
        for item in items:
            yield item


async def _remove_staff(ports: DeletionPorts, msp_id: MspId, cause: Cause) -> int:
    count = 0
    async for known in _first_of_each_page(lambda: ports.msps.page(StaffMember, msp_id, _PAGE)):
        member = known.value
        # The claim is released first: a row without a claim gives no access, and if this run is
        # interrupted here, the row still shows which claim is left.
        await ports.staff_index.release(member.tid, member.oid, msp_id)
        await _remove_member(ports.msps, member, cause)
        count += 1
    return count


async def _remove_member(msps: MspStore, member: StaffMember, cause: Cause) -> None:
    known = await msps.find(StaffMember, member.msp_id, member.tid, member.oid)
    if known is None:
        return
    who = {"tid": member.tid, "oid": member.oid, "role": str(member.role), "name": member.name}
    event = cause.event(member.msp_id, "staff.removed", before=who)
    await msps.commit((Remove(known.value, known.version), Insert(event)))


async def _remove_tenants(ports: DeletionPorts, msp_id: MspId, cause: Cause) -> int:
    def decide(records: TenantRecords) -> Decision[Tenant]:
        if records.tenant and records.tenant.value.is_own_msp_tenant:
            return disable(records, cause)
        return decide_hard_delete(records, cause)

    count = 0
    async for tenant in _first_of_each_page(lambda: ports.msps.page(Tenant, msp_id, _PAGE)):
        with suppress(TenantNotFound, NoPartnerTenant):  # Somebody else has just removed it.
            await remove_tenant(
                ports,
                msp_id,
                tenant.value.tenant_id,
                decide,
                cause.at,
            )
            count += 1
    return count


async def _remove_invites(ports: DeletionPorts, msp_id: MspId, cause: Cause) -> None:
    async for known in _first_of_each_page(lambda: ports.msps.page(GdapInvite, msp_id, _PAGE)):
        await _remove_invite(ports.msps, msp_id, known.value.tenant_id, cause)


async def _remove_invite(msps: MspStore, msp_id: MspId, tenant_id: TenantId, cause: Cause) -> None:
    known = (await msps.tenant_records(msp_id, tenant_id)).invite
    if known is None:
        return
    event = cause.event(msp_id, "gdap.invite_ended", tenant_id=tenant_id)
    await msps.commit((Remove(known.value, known.version), Insert(event)))
