"""The `msps` table: one partition per MSP, so that one transaction can change several rows."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, override

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient

from adapters.tables.access import (
    Listing,
    find,
    page,
    query,
    translate_storage_errors,
    version_of,
    versioned,
)
from adapters.tables.limits import check_transaction
from adapters.tables.releases import readable, readable_page
from adapters.tables.rows import IN_RANGE, from_entity, range_of, to_entity
from adapters.tables.transaction_body import Create, Delete, Put, TableWrite
from adapters.tables.transactions import Transactions
from domain.audit import ALL, AuditEvent, AuditFilter
from domain.billing_account import BillingAccount
from domain.consent_session import ConsentRecord
from domain.errors import NoSuchMsp
from domain.identifiers import MspId, TenantId
from domain.msp import Msp
from domain.newest_first import newest_first
from domain.ports.msp_store import MspHead, MspStore, TenantRecords
from domain.ports.page import Page
from domain.ports.sync_schedule import SyncSchedule
from domain.row_changes import Insert, Remove, Replace, Row, RowChange, Versioned
from domain.row_kinds import kind_of
from domain.sync_request import first_sync
from domain.tenant import GdapInvite, PartnerTenantClaim, Tenant, TenantRemoval
from domain.usage import TenantUsage

_INDEX = "msp"  # the partition key of the index


class TableMspStore(MspStore):
    """MspStore in Azure Tables.

    Args:
        index: Table that lists every MSP, so that listing the MSPs reads no other rows.
        schedule: The first sync of each inserted tenant is added here before the tenant is
            written.
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
        head = kind_of(Msp)
        parameters = {"msp": msp_id, "first": head.key(), "last": head.range()[1]}
        rows = query(self._table, IN_RANGE, parameters)
        found = {entity["RowKey"]: entity async for entity in rows}

        def of[R: Row](kind: type[R]) -> Versioned[R] | None:
            return versioned(found.get(kind_of(kind).key()), partial(from_entity, kind))

        msp = of(Msp)
        if msp is None:
            return None
        return MspHead(msp, of(PartnerTenantClaim), of(ConsentRecord), of(BillingAccount))

    @override
    async def tenant_records(self, msp_id: MspId, tenant_id: TenantId) -> TenantRecords:
        """Read the tenant first, then the head and the tenant's other rows concurrently.

        Usage changes only together with its tenant. Because it is read after the tenant, it is
        at least as new, and the check of the tenant's version protects both.
        """
        tenant = await self.find(Tenant, msp_id, tenant_id)
        head, usage, invite, removal = await asyncio.gather(
            self.head(msp_id),
            self.find(TenantUsage, msp_id, tenant_id),
            self.find(GdapInvite, msp_id, tenant_id),
            self.find(TenantRemoval, msp_id, tenant_id),
        )
        if head is None:
            raise NoSuchMsp
        return TenantRecords(head, tenant, usage, invite, removal)

    @override
    async def find[R: Row](self, kind: type[R], msp_id: MspId, *key: str) -> Versioned[R] | None:
        found = await find(self._table, msp_id, kind_of(kind).key(*key))
        return versioned(found, partial(from_entity, kind))

    @override
    async def page[R: Row](
        self,
        kind: type[R],
        msp_id: MspId,
        page_size: int,
        token: str | None = None,
        keep: Callable[[R], bool] | None = None,
        key: Sequence[str] = (),
    ) -> Page[Versioned[R]]:
        read = partial(_readable, kind)

        def kept(known: Versioned[R] | None) -> bool:
            return known is not None and (keep is None or keep(known.value))

        listing = Listing(self._table, IN_RANGE, range_of(kind, msp_id, *key))
        return readable_page(await page(listing, read, page_size, token, kept if keep else None))

    @override
    async def all[R: Row](self, kind: type[R], msp_id: MspId, *key: str) -> Sequence[R]:
        rows = query(self._table, IN_RANGE, range_of(kind, msp_id, *key))
        return [from_entity(kind, entity) async for entity in rows]

    @override
    async def audit_events(
        self, msp_id: MspId, page_size: int, token: str | None = None, shown: AuditFilter = ALL
    ) -> Page[AuditEvent]:
        parameters, events = range_of(AuditEvent, msp_id), kind_of(AuditEvent)
        if (
            shown.until
        ):  # The keys of events at that time itself sort before the end of their range.
            parameters["first"] = events.range(newest_first(shown.until))[1]
        if shown.since:
            parameters["last"] = events.range(newest_first(shown.since))[1]
        condition = IN_RANGE
        if shown.tenant_id:
            condition = f"{IN_RANGE} and tenant_id eq @tenant"
            parameters["tenant"] = shown.tenant_id
        read = partial(_readable, AuditEvent)
        found = await page(Listing(self._table, condition, parameters), read, page_size, token)
        return Page(tuple(known.value for known in found.items if known), found.next_token)

    @override
    async def msp_ids(self) -> AsyncIterator[MspId]:
        found = query(self._index, "PartitionKey eq @kind", {"kind": _INDEX}, ["RowKey"])
        async for entity in found:
            yield MspId(entity["RowKey"])

    @override
    async def commit(self, operations: Sequence[RowChange]) -> None:
        entities = [to_entity(operation.row) for operation in operations]
        check_transaction(list(entities))
        steps = [
            _step(operation, entity) for operation, entity in zip(operations, entities, strict=True)
        ]
        await self._prepare(operations)
        await self._transactions.submit(self._table.table_name, steps)

    async def _prepare(self, operations: Sequence[RowChange]) -> None:
        """Write the schedule and index entries that refer to a new row, before the row itself."""
        for operation in operations:
            if not isinstance(operation, Insert):
                continue
            if isinstance(operation.row, Tenant):
                await self._schedule.add(first_sync(operation.row))
            if isinstance(operation.row, Msp):
                entry = {"PartitionKey": _INDEX, "RowKey": operation.row.msp_id}
                with translate_storage_errors():
                    await self._index.upsert_entity(entry)


def _readable[R: Row](kind: type[R], entity: TableEntity) -> Versioned[R] | None:
    what = f"a row of kind {kind_of(kind).name}"
    row = readable(what, partial(from_entity, kind), entity)
    return None if row is None else Versioned(row, version_of(entity))


def _step(operation: RowChange, entity: dict[str, Any]) -> TableWrite:
    match operation:
        case Insert():
            return Create(entity)
        case Replace(version=version):
            return Put(entity, version)
        case Remove(version=version):
            return Delete(entity, version)
