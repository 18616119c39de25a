"""A missing table, queue or container means unavailable storage, not a missing row."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.invoice_documents import BlobInvoiceDocuments
from adapters.queues import StorageQueues
from adapters.tables import access
from adapters.tables.raw_rows import RawRows
from adapters.tables.storage import Storage
from adapters.tables.transaction_body import Create, Delete, Put
from domain.consent_session import ConsentSession, hash_state
from domain.digest import to_stored
from domain.errors import ConcurrentChange, StorageUnavailable
from domain.identifiers import MspId, MspRef, ScheduleRange, SessionRef
from domain.month import Month
from domain.ports.pending_work import PendingWork
from domain.ports.synced_records import SyncedRecord
from domain.roles import StaffMember
from domain.row_changes import Insert
from domain.sync_state import ScheduledSync, SyncPhase, SyncState
from domain.tenant import Tenant
from domain.work_queues import (
    BILL_MSP,
    COMPLETE_CONSENT,
    FIND_DUE_TENANTS,
    PURGE_TENANT,
    SYNC_TENANT,
)
from local.azurite import connection_string, start_azurite
from local.processes import free_ports
from tests.due import due_entries
from tests.samples import CONTOSO, CUSTOMER, MSP, NOW, OWN, OWNER_OID, tenant

REF = tenant().ref
SESSION = ConsentSession(hash_state("x"), CONTOSO, OWN, OWNER_OID, "Adele", NOW)
STATE = SyncState(REF, SyncPhase.PENDING, NOW)
ETAG = "W/\"datetime'2026-01-01T00%3A00%3A00.0000000Z'\""
ROW = {"PartitionKey": "p", "RowKey": "r"}


@dataclass
class Bare:
    """An account without tables, queues or containers."""

    tables: Storage
    queues: StorageQueues
    documents: BlobInvoiceDocuments


@pytest.fixture(scope="module")
async def bare(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bare]:
    run_dir, ports = tmp_path_factory.mktemp("bare"), free_ports(3)
    child = await start_azurite(run_dir, (ports[0], ports[1], ports[2]), None, os.environ["PATH"])
    account = connection_string(*ports)
    opened = Bare(
        Storage.connect(account),
        StorageQueues.connect(account),
        BlobInvoiceDocuments.connect(account),
    )
    yield opened
    await opened.tables.close()
    await opened.queues.close()
    await opened.documents.close()
    await child.stop()


async def _all(rows: AsyncIterator[Any]) -> None:
    async for _ in rows:
        pass


CALLS: dict[str, Callable[[Bare], Awaitable[Any]]] = {
    "find": lambda b: access.find(b.tables.table("msps"), "p", "r"),
    "insert": lambda b: access.insert(b.tables.table("msps"), ROW),
    "replace": lambda b: access.replace(b.tables.table("msps"), ROW, ETAG),
    "query": lambda b: _all(access.query(b.tables.table("msps"), "PartitionKey eq @p", {"p": "p"})),
    "delete": lambda b: access.delete(b.tables.table("msps"), "p", "r"),
    "delete a version": lambda b: access.delete(b.tables.table("msps"), "p", "r", ETAG),
    "transaction, create": lambda b: b.tables.transactions.submit("msps", [Create(ROW)]),
    "transaction, put": lambda b: b.tables.transactions.submit("msps", [Put(ROW)]),
    "transaction, replace": lambda b: b.tables.transactions.submit("msps", [Put(ROW, ETAG)]),
    "transaction, delete": lambda b: b.tables.transactions.submit("msps", [Delete(ROW)]),
    "probe": lambda b: b.tables.probe(),
    "msps.head": lambda b: b.tables.msps.head(CONTOSO),
    "msps.tenant_records": lambda b: b.tables.msps.tenant_records(CONTOSO, CUSTOMER),
    "msps.tenants": lambda b: b.tables.msps.page(Tenant, CONTOSO, 10),
    "msps.staff_member": lambda b: b.tables.msps.find(StaffMember, CONTOSO, OWN, OWNER_OID),
    "msps.msp_ids": lambda b: _all(b.tables.msps.msp_ids()),
    "msps.commit": lambda b: b.tables.msps.commit([Insert(MSP)]),
    "invoices.invoice": lambda b: b.tables.invoices.invoice(CONTOSO, Month(2026, 9)),
    "invoices.payments": lambda b: b.tables.invoices.payments(CONTOSO),
    "staff_index.msp_of": lambda b: b.tables.staff_index.msp_of(OWN, OWNER_OID),
    "staff_index.claim": lambda b: b.tables.staff_index.claim(OWN, OWNER_OID, CONTOSO),
    "staff_index.release": lambda b: b.tables.staff_index.release(OWN, OWNER_OID, CONTOSO),
    "sessions.add": lambda b: b.tables.consent_sessions.add(SESSION),
    "sessions.find": lambda b: b.tables.consent_sessions.find(SESSION.session),
    "sessions.replace": lambda b: b.tables.consent_sessions.replace(SESSION, ETAG),
    "states.find": lambda b: b.tables.sync_states.find(REF),
    "states.add": lambda b: b.tables.sync_states.add(STATE),
    "states.replace": lambda b: b.tables.sync_states.replace(STATE, ETAG),
    "states.remove": lambda b: b.tables.sync_states.remove(REF),
    "schedule.add": lambda b: b.tables.sync_schedule.add(ScheduledSync(REF, NOW)),
    "schedule.remove": lambda b: b.tables.sync_schedule.remove(ScheduledSync(REF, NOW)),
    "schedule.due": lambda b: _all(due_entries(b.tables.sync_schedule, NOW)),
    "pending_work.record": lambda b: b.tables.pending_work.record(
        PendingWork(PURGE_TENANT, REF, NOW)
    ),
    "pending_work.find": lambda b: b.tables.pending_work.find(PURGE_TENANT, REF),
    "pending_work.drop": lambda b: b.tables.pending_work.drop(PURGE_TENANT, REF),
    "pending_work.queued_before": lambda b: _all(b.tables.pending_work.queued_before(NOW)),
    "records.page": lambda b: b.tables.records.page(REF, 10),
    "records.write": lambda b: b.tables.records.write(
        REF, [to_stored(SyncedRecord("k", {"id": "k"}))]
    ),
    "records.delete": lambda b: b.tables.records.delete(REF, ["k"]),
    "tenant_data.read": lambda b: b.tables.tenant_data.read(REF, "groups"),
    "tenant_data.read_all": lambda b: b.tables.tenant_data.read_all(REF),
    "tenant_data.write": lambda b: b.tables.tenant_data.write(REF, "groups", {}),
    "tenant_data.purge": lambda b: b.tables.tenant_data.purge(REF, 10),
    "records.purge": lambda b: b.tables.records.purge(REF, 10),
    "index.read": lambda b: b.tables.user_index.read([(REF, "b")]),
    "index.of_msp": lambda b: b.tables.user_index.of_msp(CONTOSO),
    "index.purge": lambda b: b.tables.user_index.purge(REF),
    "portfolio.tenants": lambda b: b.tables.portfolio.tenants(CONTOSO),
    "portfolio.summaries": lambda b: b.tables.portfolio.summaries(CONTOSO),
    "raw rows": lambda b: RawRows(b.tables.table("msps")).is_empty(),
    "raw rows, put": lambda b: RawRows(b.tables.table("msps")).put([dict(ROW)]),
    "sync_tenant": lambda b: b.queues.send(SYNC_TENANT, REF),
    "purge_tenant": lambda b: b.queues.send(PURGE_TENANT, REF),
    "complete_consent": lambda b: b.queues.send(
        COMPLETE_CONSENT, SessionRef(CONTOSO, hash_state("x"))
    ),
    "find_due_tenants": lambda b: b.queues.send(FIND_DUE_TENANTS, ScheduleRange("00")),
    "bill_msp": lambda b: b.queues.send(BILL_MSP, MspRef(CONTOSO)),
    "documents.put": lambda b: b.documents.put(MspId("m"), "n", b"pdf"),
    "documents.get": lambda b: b.documents.get(MspId("m"), "n"),
}


@pytest.mark.parametrize("call", CALLS)
async def test_what_is_missing_as_a_whole_is_unavailable(bare: Bare, call: str) -> None:
    with pytest.raises(StorageUnavailable):
        await CALLS[call](bare)


async def test_a_row_that_is_missing_is_what_it_was(storage: Storage) -> None:
    table = storage.table("msps")
    assert await access.find(table, "p", "none") is None
    await access.delete(table, "p", "none")
    await access.delete(table, "p", "none", ETAG)
    with pytest.raises(ConcurrentChange):
        await access.replace(table, {**ROW, "RowKey": "none"}, ETAG)
    version = await access.insert(table, {**ROW, "RowKey": "guarded"})
    with pytest.raises(ConcurrentChange):
        await access.delete(table, "p", "guarded", "W/\"datetime'2020-01-01T00%3A00%3A00Z'\"")
    await access.delete(table, "p", "guarded", version)
    assert await access.find(table, "p", "guarded") is None
