"""The `msps` table: one partition per MSP, so one transaction changes several rows."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, override

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient

from adapters.tables import billing_rows
from adapters.tables import msp_rows as rows
from adapters.tables.access import (
    find,
    page,
    query,
    translate_storage_errors,
    version_of,
    versioned,
)
from adapters.tables.limits import check_transaction
from adapters.tables.releases import readable, readable_page
from adapters.tables.transaction_body import Create, Delete, Put, TableWrite
from adapters.tables.transactions import Transactions
from domain.audit import AuditEvent
from domain.errors import NoSuchMsp
from domain.identifiers import MspId, ObjectId, TenantId
from domain.invoice import invoice_name
from domain.msp import Msp
from domain.ports.msp_store import MspHead, MspStore, TenantRecords
from domain.ports.page import Page
from domain.ports.sync_schedule import SyncSchedule
from domain.roles import StaffMember
from domain.row_changes import Insert, Remove, Replace, RowChange, Versioned
from domain.sync_request import first_sync
from domain.tenant import GdapInvite, Tenant, TenantRemoval
from domain.usage import TenantUsage

_IN_RANGE = "PartitionKey eq @msp and RowKey ge @first and RowKey lt @last"


class TableMspStore(MspStore):
    """MspStore over Azure Tables.

    Args:
        index: Names every MSP, so that finding them all reads no other row.
        schedule: Where each tenant that is inserted has its first sync, before it is there.
    """

    def __init__(
        self,
        table: TableClient,
        index: TableClient,
        schedule: SyncSchedule,
        transactions: Transactions,
    ) -> None:
        self._table, self._index, self._schedule = table, index, schedule
        self._transactions = transactions

    @override
    async def head(self, msp_id: MspId) -> MspHead | None:
        first, last = rows.HEAD
        found = {
            entity["RowKey"]: entity
            async for entity in query(
                self._table, _IN_RANGE, {"msp": msp_id, "first": first, "last": last}
            )
        }
        msp = versioned(found.get(rows.MSP), rows.msp_from)
        if msp is None:
            return None
        slot = versioned(found.get(rows.SLOT), rows.slot_from)
        consent = versioned(found.get(rows.CONSENT), rows.consent_from)
        account = versioned(found.get(billing_rows.ACCOUNT), billing_rows.account_from)
        return MspHead(msp, slot, consent, account)

    @override
    async def snapshot(self, msp_id: MspId, tenant_id: TenantId) -> TenantRecords:
        """Read the tenant, then the head and the tenant's other rows, side by side.

        Usage changes only together with its tenant. Read after it, it is at least as new, and
        the tenant's version guards both.
        """
        tenant = await self.tenant(msp_id, tenant_id)
        head, usage, invite, removal = await asyncio.gather(
            self.head(msp_id),
            self._find(msp_id, rows.usage_key(tenant_id), rows.usage_from),
            self._find(msp_id, rows.invite_key(tenant_id), rows.invite_from),
            self._find(msp_id, rows.removal_key(tenant_id), rows.removal_from),
        )
        if head is None:
            raise NoSuchMsp
        return TenantRecords(head, tenant, usage, invite, removal)

    @override
    async def tenant(self, msp_id: MspId, tenant_id: TenantId) -> Versioned[Tenant] | None:
        return await self._find(msp_id, rows.tenant_key(tenant_id), rows.tenant_from)

    @override
    async def tenants(
        self,
        msp_id: MspId,
        page_size: int,
        token: str | None = None,
        keep: Callable[[Tenant], bool] | None = None,
    ) -> Page[Versioned[Tenant]]:

        def read(entity: TableEntity) -> Versioned[Tenant] | None:
            tenant = readable("a tenant", rows.tenant_from, entity)
            return Versioned(tenant, version_of(entity)) if tenant else None

        def kept(known: Versioned[Tenant] | None) -> bool:
            return known is not None and (keep is None or keep(known.value))

        parameters = _of(msp_id, "tenant")
        wanted = kept if keep else None
        return readable_page(
            await page(self._table, _IN_RANGE, parameters, read, page_size, token, wanted)
        )

    @override
    async def usage(self, msp_id: MspId) -> Sequence[TenantUsage]:
        return [rows.usage_from(entity) async for entity in self._in_range(msp_id, "usage")]

    @override
    async def invites(
        self, msp_id: MspId, page_size: int, token: str | None = None
    ) -> Page[GdapInvite]:
        read = partial(readable, "a GDAP invite", rows.invite_from)
        return await self._page(_of(msp_id, "invite"), read, page_size, token)

    @override
    async def removals(self, msp_id: MspId) -> Sequence[TenantRemoval]:
        return [rows.removal_from(entity) async for entity in self._in_range(msp_id, "removed")]

    @override
    async def unpaid_invoices(self, msp_id: MspId) -> Sequence[str]:
        payments = self._in_range(msp_id, "payment", ["number", "paid"])
        return [invoice_name(row["number"]) async for row in payments if not row["paid"]]

    @override
    async def staff_member(
        self, msp_id: MspId, tid: TenantId, oid: ObjectId
    ) -> Versioned[StaffMember] | None:
        return await self._find(msp_id, rows.staff_key(tid, oid), rows.staff_from)

    @override
    async def staff(
        self, msp_id: MspId, page_size: int, token: str | None = None
    ) -> Page[StaffMember]:
        read = partial(readable, "a staff member", rows.staff_from)
        return await self._page(_of(msp_id, "staff"), read, page_size, token)

    @override
    async def audit_events(
        self,
        msp_id: MspId,
        page_size: int,
        token: str | None = None,
        *,
        tenant_id: TenantId | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Page[AuditEvent]:
        first, last = rows.range_of("audit")
        parameters: dict[str, Any] = {
            "msp": msp_id,
            # Keys of events at `until` itself sort before the key with the next character.
            "first": rows.audit_key(until)[:-1] + ";" if until else first,
            "last": rows.audit_key(since)[:-1] + ";" if since else last,
        }
        condition = _IN_RANGE
        if tenant_id:
            condition, parameters["tenant"] = f"{_IN_RANGE} and tenant_id eq @tenant", tenant_id
        read = partial(readable, "an audit event", rows.audit_from)
        return await self._page(parameters, read, page_size, token, condition)

    @override
    async def msp_ids(self) -> AsyncIterator[MspId]:
        found = query(self._index, "PartitionKey eq @kind", {"kind": rows.MSP}, ["RowKey"])
        async for entity in found:
            yield MspId(entity["RowKey"])

    @override
    async def commit(self, operations: Sequence[RowChange]) -> None:
        entities = [rows.to_entity(operation.row) for operation in operations]
        check_transaction(list(entities))
        steps = [
            _step(operation, entity) for operation, entity in zip(operations, entities, strict=True)
        ]
        await self._prepare(operations)
        await self._transactions.submit(self._table.table_name, steps)

    def _in_range(
        self, msp_id: MspId, kind: str, select: list[str] | None = None
    ) -> AsyncIterator[TableEntity]:
        return query(self._table, _IN_RANGE, _of(msp_id, kind), select)

    async def _prepare(self, operations: Sequence[RowChange]) -> None:
        """Write what finds a new row, before the row is there."""
        for operation in operations:
            if not isinstance(operation, Insert):
                continue
            if isinstance(operation.row, Tenant):
                await self._schedule.add(first_sync(operation.row))
            if isinstance(operation.row, Msp):
                entry = {"PartitionKey": rows.MSP, "RowKey": operation.row.msp_id}
                with translate_storage_errors():
                    await self._index.upsert_entity(entry)

    async def _find[T](
        self, msp_id: MspId, row_key: str, read: Callable[[TableEntity], T]
    ) -> Versioned[T] | None:
        return versioned(await find(self._table, msp_id, row_key), read)

    async def _page[T](
        self,
        parameters: dict[str, Any],
        read: Callable[[TableEntity], T | None],
        page_size: int,
        token: str | None,
        condition: str = _IN_RANGE,
    ) -> Page[T]:
        return readable_page(await page(self._table, condition, parameters, read, page_size, token))


def _of(msp_id: MspId, kind: str) -> dict[str, Any]:
    """Return the parameters of a query for all of an MSP's rows of a kind."""
    first, last = rows.range_of(kind)
    return {"msp": msp_id, "first": first, "last": last}


def _step(operation: RowChange, entity: dict[str, Any]) -> TableWrite:
    match operation:
        case Insert():
            return Create(entity)
        case Replace(version=version):
            return Put(entity, version)
        case Remove(version=version):
            return Delete(entity, version)
