"""A backup on real Azurite: what comes back is what was there, wherever it was cut off."""

import gzip
import json
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, override
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from azure.data.tables import EdmType, EntityProperty

from adapters.clock import SystemClock
from adapters.tables import raw_rows
from adapters.tables.raw_rows import RawPage, RawRows, read_line, write_line
from adapters.tables.storage import NAMES, Storage
from domain.digest import to_stored
from domain.errors import MalformedInput, StorageUnavailable
from domain.identifiers import MspId, TenantId, TenantRef
from domain.ports.pending_work import PendingWork
from domain.ports.synced_records import SyncedRecord
from domain.ports.user_index import BlockReplacement
from domain.sync_state import ScheduledSync, SyncPhase, SyncState
from domain.tenant import Tenant
from domain.user_block import blocks_of, entry_of
from domain.work_queues import PURGE_TENANT
from local.azurite import connection_string, start_azurite
from local.load_samples import seed
from local.processes import free_ports
from local.sample_data import CONTOSO
from ops.backup.export import TABLES, export
from ops.backup.folder import BackupFolder, Contents
from ops.backup.restore import MARKS, RestoreDiffers, StoreNotEmpty, restore
from tests.faults.backup_process import PAGE, BackupProcess
from tests.faults.proxy import Kill, Proxy, WriteCounter

# BACKUP_KILLS=30 makes the long form of it.
KILLS = int(os.environ.get("BACKUP_KILLS", "4"))
USERS = 150
CLOCK = SystemClock()


class EveryRequest(WriteCounter):
    """Counts reads too: an export does nothing else."""

    @override
    def is_last(self, request: web.Request) -> Kill | None:
        self.count += 1
        return self.kill if self.kill and self.count == self.kill.at else None


@pytest.fixture(scope="module")
async def two_stores(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, str]]:
    """Two real Azurites: where a backup is from, and where it goes."""
    stores, children = [], []
    for _ in range(2):
        ports = free_ports(3)
        folder: Path = tmp_path_factory.mktemp("azurite")
        triple = (ports[0], ports[1], ports[2])
        children.append(await start_azurite(folder, triple, None, os.environ["PATH"]))
        stores.append(connection_string(*triple))
    yield stores[0], stores[1]
    for child in children:
        await child.stop()


@pytest.fixture(scope="module")
async def source(two_stores: tuple[str, str]) -> AsyncIterator[Storage]:
    """The seed, and something in every table."""
    await seed(two_stores[0])
    storage = Storage.connect(two_stores[0])
    customer = (await storage.msps.page(Tenant, MspId(CONTOSO.msp_id), 1)).items[0].value
    await _sync(storage, customer.ref)
    removed = replace(customer.ref, tenant_id=TenantId(str(uuid4())))
    await storage.pending_work.record(PendingWork(PURGE_TENANT, removed, datetime.now(UTC)))
    session = {"PartitionKey": "hash", "RowKey": "session", **_every_type()}
    await storage.table("consentStates").upsert_entity(session)
    yield storage
    await storage.close()


async def _sync(storage: Storage, ref: TenantRef) -> None:
    documents = {f"{n:06d}": {"id": f"{n:06d}", "displayName": f"Zoë {n}"} for n in range(USERS)}
    records = [to_stored(SyncedRecord(key, document)) for key, document in documents.items()]
    await storage.records.write(ref, records)
    await storage.tenant_data.write(ref, "groups", documents)
    entries = {f"{n:06d}": entry_of(f"{n:06d}", {"displayName": f"Zoë {n}"}) for n in range(USERS)}
    blocks = blocks_of("", entries)
    await storage.user_index.write(ref, [BlockReplacement(block.name, [block]) for block in blocks])
    due_at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=6)
    await storage.whole_reads.add(ref, "read", ["000000"])
    state = SyncState(ref, SyncPhase.SUCCEEDED, datetime.now(UTC), due_at=due_at)
    await storage.sync_states.add(state)
    await storage.sync_schedule.add(ScheduledSync(ref, due_at))


def _every_type() -> dict[str, Any]:
    return {
        "text": 'Zoë "Ω" 😀 \u2028',
        "empty": "",
        "int32": -7,
        "int64": EntityProperty(2**62 + 1, EdmType.INT64),
        "small_int64": EntityProperty(5, EdmType.INT64),
        "double": 0.1,
        "whole_double": 3.0,
        "endless": float("inf"),
        "flag": False,
        "at": datetime(2026, 11, 1, 2, 3, 4, 567891, tzinfo=UTC),
        "ticks": EntityProperty("2026-11-01T02:03:04.1234567Z", EdmType.DATETIME),
        "guid": UUID("00000000-0000-4000-8000-00000000000c"),
        "binary": bytes(range(256)),
    }


@pytest.fixture
async def target(two_stores: tuple[str, str]) -> AsyncIterator[Storage]:
    """A store without a table."""
    storage = Storage.connect(two_stores[1])
    yield storage
    await delete_tables(storage)
    await storage.close()


async def delete_tables(storage: Storage) -> None:
    for name in (*NAMES, MARKS):
        await storage._service.delete_table(name)


async def rows(storage: Storage) -> dict[str, list[str]]:
    """Return every row as the service has it."""
    return {
        name: [line async for page in RawRows(storage.table(name)).pages() for line in page.lines]
        for name in NAMES
    }


def files(folder: Path) -> dict[str, list[str]]:
    return {
        path.name.removesuffix(".jsonl.gz"): gzip.open(path, "rt").read().split("\n")[:-1]
        for path in folder.glob("*.gz")
    }


def test_every_table_is_exported() -> None:
    assert sorted(TABLES) == sorted(NAMES)


async def test_a_restore_has_the_same_rows_one_by_one(
    source: Storage, target: Storage, tmp_path: Path
) -> None:
    manifest = await export(source, BackupFolder(tmp_path / "backup"), CLOCK)
    there = await rows(source)
    assert all(there.values())
    assert {name: contents.rows for name, contents in manifest.tables.items()} == {
        name: len(lines) for name, lines in there.items()
    }
    assert files(tmp_path / "backup") == there
    await restore(target, BackupFolder(tmp_path / "backup"), CLOCK)
    assert await rows(target) == there
    assert all(not path.stat().st_mode & 0o077 for path in [tmp_path / "backup"])


async def test_a_backup_has_every_type_as_azure_tables_has_it(
    source: Storage, target: Storage, tmp_path: Path
) -> None:
    await export(source, BackupFolder(tmp_path / "backup"), CLOCK)
    await restore(target, BackupFolder(tmp_path / "backup"), CLOCK)
    for storage in (source, target):
        found = await storage.table("consentStates").get_entity("hash", "session")
        wanted = _every_type()
        ticks = wanted.pop("ticks")
        assert found["ticks"].tables_service_value == ticks.value
        assert {name: found[name] for name in wanted} == wanted
    line = json.loads(files(tmp_path / "backup")["consentStates"][0])
    assert line["int64@odata.type"] == "Edm.Int64"
    assert line["int64"] == str(2**62 + 1)
    assert "int32@odata.type" not in line


class Runs:
    """Exports and imports in processes that reach the store through a proxy, killed there."""

    def __init__(self, counter: EveryRequest, environment: dict[str, str]) -> None:
        self.counter, self._environment = counter, environment

    @classmethod
    @asynccontextmanager
    async def against(cls, store: str, certificates: Path) -> AsyncIterator[Self]:
        ports = [int(port) for port in re.findall(r":(\d+)/devstoreaccount1", store)]
        counter = EveryRequest()
        async with Proxy(counter, lambda: ports[2]) as tables:
            environment = {
                "STORAGE_CONNECTION_STRING": connection_string(ports[0], ports[1], tables.port),
                "SSL_CERT_FILE": str(certificates / "ca.pem"),
            }
            yield cls(counter, environment)

    async def run(self, folder: Path, kill_at: int = 0, *, outward: bool) -> int:
        """Run once, killed at a request if wanted; return the exit code."""
        process: list[BackupProcess] = []
        kill = Kill(kill_at, kill_at % 2 == 1, lambda: process[0].pid) if kill_at else None
        self.counter.restart(kill)
        process.append(BackupProcess(self._environment, folder, outward=outward))
        return await process[0].wait()

    async def killed(self, folder: Path, turn: int, requests: int, *, outward: bool) -> int:
        """Run, killed at this turn's request and then soon after it; return how often."""
        at = 2 + turn * (requests - 2) // KILLS
        ends = [await self.run(folder, kill_at, outward=outward) for kill_at in (at, 9 + turn)]
        assert await self.run(folder, outward=outward) in (0, 1)  # 1: it was complete before
        return sum(end < 0 for end in ends)


async def test_an_export_that_is_killed_at_any_request_ends_the_same(
    two_stores: tuple[str, str], source: Storage, certificates: Path, tmp_path: Path
) -> None:
    there = await rows(source)
    async with Runs.against(two_stores[0], certificates) as runs:
        assert await runs.run(tmp_path / "whole", outward=True) == 0
        requests = runs.counter.count
        for turn in range(KILLS):
            folder = tmp_path / str(turn)
            assert await runs.killed(folder, turn, requests, outward=True)
            BackupFolder(folder).check()
            assert files(folder) == there


async def test_an_import_that_is_killed_at_any_request_ends_the_same(
    two_stores: tuple[str, str],
    source: Storage,
    target: Storage,
    certificates: Path,
    tmp_path: Path,
) -> None:
    there = await rows(source)
    folder = tmp_path / "backup"
    await export(source, BackupFolder(folder), CLOCK, PAGE)
    async with Runs.against(two_stores[1], certificates) as runs:
        assert await runs.run(folder, outward=False) == 0
        requests = runs.counter.count
        for turn in range(KILLS):
            await delete_tables(target)
            assert await runs.killed(folder, turn, requests, outward=False)
            assert await rows(target) == there


async def test_an_import_that_was_cut_off_gives_way_to_no_other_backup(
    source: Storage, target: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, another = BackupFolder(tmp_path / "backup"), BackupFolder(tmp_path / "another")
    await export(source, folder, CLOCK)
    await export(source, another, CLOCK)

    async def cut_off(self: RawRows, entities: list[dict[str, Any]]) -> None:
        raise StorageUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(RawRows, "put", cut_off)
        with pytest.raises(StorageUnavailable):
            await restore(target, folder, CLOCK)
    with pytest.raises(StoreNotEmpty):
        await restore(target, another, CLOCK)
    await restore(target, folder, CLOCK)
    assert await rows(target) == await rows(source)


async def test_a_store_in_use_is_refused(source: Storage, target: Storage, tmp_path: Path) -> None:
    folder = BackupFolder(tmp_path / "backup")
    await export(source, folder, CLOCK)
    await target.create_tables(MARKS)
    await target.table("userIndex").upsert_entity({"PartitionKey": "p", "RowKey": "r"})
    with pytest.raises(StoreNotEmpty, match="userIndex"):
        await restore(target, folder, CLOCK)
    await target.table("userIndex").delete_entity("p", "r")
    await restore(target, folder, CLOCK)
    with pytest.raises(StoreNotEmpty):
        await restore(target, folder, CLOCK)


def _truncate(folder: Path) -> None:
    file = folder / "users.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-1])


def _lose(folder: Path) -> None:
    (folder / "staff.jsonl.gz").unlink()


def _unfinished(folder: Path) -> None:
    (folder / "manifest.json").rename(folder / "progress.json")


@pytest.mark.parametrize("damage", [_truncate, _lose, _unfinished])
async def test_a_backup_that_is_not_whole_is_refused_before_anything_is_written(
    source: Storage, target: Storage, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    await target.create_tables(MARKS)
    await export(source, BackupFolder(tmp_path / "backup"), CLOCK)
    damage(tmp_path / "backup")
    with pytest.raises(MalformedInput):
        await restore(target, BackupFolder(tmp_path / "backup"), CLOCK)
    assert not any((await rows(target)).values())


def test_an_export_that_dies_before_its_first_word_begins_again(tmp_path: Path) -> None:
    (tmp_path / "progress.new").write_text("{")
    assert BackupFolder(tmp_path).begin("now").started_at == "now"


async def test_an_export_never_writes_over_another(source: Storage, tmp_path: Path) -> None:
    await export(source, BackupFolder(tmp_path / "backup"), CLOCK)
    with pytest.raises(MalformedInput):
        await export(source, BackupFolder(tmp_path / "backup"), CLOCK)


async def test_rows_that_something_else_writes_during_an_import_are_noticed(
    source: Storage, target: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = BackupFolder(tmp_path / "backup")
    await export(source, folder, CLOCK)
    put = RawRows.put

    async def and_another(self: RawRows, entities: list[dict[str, Any]]) -> None:
        await put(self, entities)
        await target.table("pendingWork").upsert_entity({"PartitionKey": "p", "RowKey": "r"})

    monkeypatch.setattr(RawRows, "put", and_another)
    with pytest.raises(RestoreDiffers, match="pendingWork"):
        await restore(target, folder, CLOCK)


async def test_an_msp_that_changes_while_it_is_read_is_read_again(
    source: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction over rows of two pages is in the backup whole, or not at all."""
    changes = _Changes(source, times=2)
    monkeypatch.setattr(RawRows, "partition", changes.reading())
    await export(source, BackupFolder(tmp_path / "backup"), CLOCK, PAGE)
    assert changes.left == 0
    lines = [json.loads(line) for line in files(tmp_path / "backup")["msps"]]
    assert [line["n"] for line in lines if "n" in line] == [2, 2]
    await changes.forget()


async def test_an_msp_that_never_rests_ends_the_export_which_then_goes_on(
    source: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = _Changes(source, times=99)
    with monkeypatch.context() as patched:
        patched.setattr(RawRows, "partition", changes.reading())
        with pytest.raises(StorageUnavailable, match=CONTOSO.msp_id):
            await export(source, BackupFolder(tmp_path / "backup"), CLOCK, PAGE)
    await changes.forget()
    await export(source, BackupFolder(tmp_path / "backup"), CLOCK, PAGE)
    assert files(tmp_path / "backup") == await rows(source)


def test_a_folder_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    BackupFolder(tmp_path).begin("2026-11-25T00:00:00Z")
    assert tmp_path.stat().st_mode & 0o077 == 0


class _Stops(BackupFolder):
    """Is cut off when a table's last page is written, and before the table is complete."""

    @override
    def complete(self, table: str, contents: Contents) -> None:
        if table == "users":
            raise InterruptedError
        super().complete(table, contents)


async def test_an_export_cut_off_behind_the_last_page_has_no_row_twice(
    source: Storage, tmp_path: Path
) -> None:
    with pytest.raises(InterruptedError):
        await export(source, _Stops(tmp_path / "backup"), CLOCK, PAGE)
    manifest = await export(source, BackupFolder(tmp_path / "backup"), CLOCK, PAGE)
    assert files(tmp_path / "backup") == await rows(source)
    assert manifest.tables["users"].rows == USERS


class _Changes:
    """Changes the first and the last row of an MSP together, between two pages of a reading."""

    def __init__(self, storage: Storage, times: int) -> None:
        self._table, self.left, self._count = storage.table("msps"), times, 0

    def reading(self) -> Callable[[RawRows, str], AsyncIterator[RawPage]]:
        read = RawRows.partition

        async def partition(rows: RawRows, key: str) -> AsyncIterator[RawPage]:
            async for page in read(rows, key):
                yield page
                if key == CONTOSO.msp_id and self.left:
                    await self._change()

        return partition

    async def _change(self) -> None:
        self.left, self._count = self.left - 1, self._count + 1
        changed = [("upsert", {**row, "n": self._count}) for row in self._rows()]
        await self._table.submit_transaction(changed)

    def _rows(self) -> list[dict[str, str]]:
        return [{"PartitionKey": CONTOSO.msp_id, "RowKey": key} for key in ("a", "z")]

    async def forget(self) -> None:
        await self._table.submit_transaction([("delete", row) for row in self._rows()])


async def test_a_tenant_whose_entry_in_the_schedule_is_missing_gets_it_back(
    source: Storage, target: Storage, tmp_path: Path
) -> None:
    """The schedule is read after the states, and a sync between them moves a tenant's entry."""
    tenant = (await source.msps.page(Tenant, MspId(CONTOSO.msp_id), 1)).items[0].value
    state = await source.sync_states.find(tenant.ref)
    assert state is not None
    assert state.value.due_at is not None
    entry = ScheduledSync(tenant.ref, state.value.due_at)
    await source.sync_schedule.remove(entry)
    await export(source, BackupFolder(tmp_path / "backup"), CLOCK)
    await source.sync_schedule.add(entry)
    await restore(target, BackupFolder(tmp_path / "backup"), CLOCK)
    assert await rows(target) == await rows(source)


def test_what_is_no_row_is_refused() -> None:
    for line in ("[]", '{"PartitionKey": "p"}', '{"PartitionKey": "p", "RowKey": "r", "n":'):
        with pytest.raises(ValueError, match=r"row|Expecting"):
            read_line(line)
    with pytest.raises(ValueError, match="type"):
        read_line('{"PartitionKey": "p", "RowKey": "r", "n": 1, "n@odata.type": "Edm.Other"}')
    with pytest.raises(TypeError):
        write_line({"n": object()})


def test_a_transaction_stays_in_a_partition_and_within_its_limits() -> None:
    lines = [
        write_line({"PartitionKey": p, "RowKey": f"{n:03d}"}) for p in "ab" for n in range(150)
    ]
    assert [len(batch) for batch in raw_rows.transactions(lines)] == [100, 50, 100, 50]
    large = [
        write_line({"PartitionKey": "a", "RowKey": f"{n}", "b": bytes(60000)}) for n in range(40)
    ]
    assert sum(map(len, raw_rows.transactions(large))) == 40
    assert max(map(len, raw_rows.transactions(large))) < 20
