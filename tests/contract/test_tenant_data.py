"""The data sets that are stored as a whole, by the fake and in real Azurite."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import batched
from random import Random
from typing import Any, override
from uuid import uuid4

import pytest
from azure.data.tables import TableEntity

from adapters.tables import tenant_data
from adapters.tables.storage import Storage
from adapters.tables.tenant_data import TableTenantData
from domain.data_set import Documents
from domain.errors import ConcurrentChange
from domain.identifiers import MspId, TenantRef, new_epoch
from domain.ports.graph_reader import Unreadable
from tests.contract.conftest import Ports
from tests.samples import CUSTOMER, OTHER

SMALL = {"a": {"id": "a"}, "b": {"id": "b"}}
ODD = {
    "a/b\\c#d?e%41": {"id": "a", "name": "🦊é" * 4000, "none": None, "list": [1, {"x": 0.5}]},
    "ﬀ": {"": "\u0000\u202e", "lone": "\ud800", "big": 2**62, "at": "2026-11-01T02:03:04Z"},
}


@pytest.fixture
def ref() -> TenantRef:
    return TenantRef(MspId(str(uuid4())), CUSTOMER, new_epoch())


def large(megabytes: float, seed: int) -> Documents:
    """Return documents that are this large even when they are compressed."""
    random = Random(seed)  # noqa: S311  no secret
    pieces = batched(random.randbytes(int(megabytes * 1024**2)).hex(), 100_000, strict=False)
    return {
        f"{number:04d}": {"id": f"{number:04d}", "noise": "".join(piece)}
        for number, piece in enumerate(pieces)
    }


async def rows_of(storage: Storage, ref: TenantRef) -> list[str]:
    """Return the row keys of a tenant."""
    partition = f"PartitionKey eq '{ref.msp_id}:{ref.tenant_id}:{ref.epoch}'"
    found = storage.table("tenantData").query_entities(partition, select=["RowKey"])
    return [str(row["RowKey"]) async for row in found]


@pytest.mark.parametrize("documents", [{}, SMALL, ODD], ids=["none", "some", "odd"])
async def test_documents_come_back_as_they_went(
    ports: Ports, ref: TenantRef, documents: Documents
) -> None:
    data = ports.tenant_data
    assert await data.read(ref, "groups") is None
    await data.write(ref, "groups", SMALL)
    await data.write(ref, "groups", documents)
    read = await data.read(ref, "groups")
    assert read is not None
    assert json.dumps(dict(read)) == json.dumps(dict(documents))  # the order counts as well
    assert await data.read(ref, "domains") is None
    assert await data.read_all(ref) == {"groups": documents}


async def test_each_life_of_a_tenant_has_data_of_its_own(ports: Ports, ref: TenantRef) -> None:
    others = [
        replace(ref, epoch=new_epoch()),
        replace(ref, tenant_id=OTHER),
        replace(ref, msp_id=MspId(str(uuid4()))),
    ]
    await ports.tenant_data.write(ref, "groups", SMALL)
    for other in others:
        assert await ports.tenant_data.read(other, "groups") is None
        assert await ports.tenant_data.read_all(other) == {}
        await ports.tenant_data.write(other, "groups", {"z": {"id": "z"}})
    assert await ports.tenant_data.read_all(ref) == {"groups": SMALL}
    assert await ports.tenant_data.purge(ref, 10) == 1
    for other in others:
        assert await ports.tenant_data.read_all(other) == {"groups": {"z": {"id": "z"}}}


async def test_a_purge_deletes_as_much_as_it_may(ports: Ports, ref: TenantRef) -> None:
    for number in range(40):
        await ports.tenant_data.write(ref, f"set{number:02d}", SMALL)
    assert len(await ports.tenant_data.read_all(ref)) == 40
    assert await ports.tenant_data.purge(ref, 33) == 33
    assert len(await ports.tenant_data.read_all(ref)) == 7
    assert await ports.tenant_data.purge(ref, 33) == 7
    assert await ports.tenant_data.purge(ref, 33) == 0
    assert await ports.tenant_data.read_all(ref) == {}


async def test_a_data_set_that_outgrows_its_row_continues_in_others(
    storage: Storage, ref: TenantRef
) -> None:
    data, first, second = storage.tenant_data, large(2, 1), large(3, 2)
    await data.write(ref, "group", SMALL)
    await data.write(ref, "groups", first)
    await data.write(ref, "groupsBeta", SMALL)
    assert len(await rows_of(storage, ref)) == 2 + 4
    assert await data.read(ref, "groups") == first
    everything = {"group": SMALL, "groups": first, "groupsBeta": SMALL}
    assert await data.read_all(ref) == everything
    await data.write(ref, "groups", second)
    assert len(await rows_of(storage, ref)) == 2 + 5
    assert await data.read_all(ref) == {**everything, "groups": second}
    await data.write(ref, "groups", SMALL)
    assert await rows_of(storage, ref) == ["group", "groups", "groupsBeta"]
    await data.write(ref, "groups", first)
    assert await data.purge(ref, 3) == 3
    assert await data.purge(ref, 4) == 3
    assert await data.read_all(ref) == {}


async def test_what_is_too_large_is_refused_before_anything_is_written(
    storage: Storage, ref: TenantRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant_data, "_MOST_PARTS", 2)
    await storage.tenant_data.write(ref, "groups", SMALL)
    with pytest.raises(Unreadable, match="too large"):
        await storage.tenant_data.write(ref, "groups", large(3, 1))
    assert await rows_of(storage, ref) == ["groups"]
    assert await storage.tenant_data.read(ref, "groups") == SMALL


class Crash(Exception):
    """The process ended."""


class CrashingData(TableTenantData):
    """Data whose writer crashes after some rows, or before it deletes earlier parts."""

    def __init__(self, storage: Storage, puts: int) -> None:
        super().__init__(storage.table("tenantData"), storage.transactions)
        self.puts = puts

    @override
    async def _put_head(self, entity: dict[str, Any], before: TableEntity | None) -> None:
        if self.puts == 0:
            raise Crash
        self.puts -= 1
        await super()._put_head(entity, before)

    @override
    async def _put(self, entity: dict[str, Any]) -> None:
        if self.puts == 0:
            raise Crash
        self.puts -= 1
        await super()._put(entity)

    @override
    async def _delete_other_parts(self, ref: TenantRef, name: str, kept: str) -> None:
        if self.puts == 0:
            raise Crash
        await super()._delete_other_parts(ref, name, kept)


# Four further parts come first, then the data set's own row.
@pytest.mark.parametrize("puts", [0, 1, 4, 5])
@pytest.mark.parametrize("before", [SMALL, large(2, 1)], ids=["small", "large"])
async def test_a_crash_leaves_a_whole_version_and_the_next_write_cleans_up(
    storage: Storage, ref: TenantRef, before: Documents, puts: int
) -> None:
    data, after = storage.tenant_data, large(3, 2)
    await data.write(ref, "groups", before)
    with pytest.raises(Crash):
        await CrashingData(storage, puts).write(ref, "groups", after)
    whole = after if puts == 5 else before
    assert await data.read(ref, "groups") == whole
    assert await data.read_all(ref) == {"groups": whole}
    last = {"c": {"id": "c"}}
    await data.write(ref, "groups", last)
    assert await rows_of(storage, ref) == ["groups"]
    assert await data.read_all(ref) == {"groups": last}


async def test_a_small_version_that_crashed_leaves_parts_to_the_next_one(
    storage: Storage, ref: TenantRef
) -> None:
    await storage.tenant_data.write(ref, "groups", large(3, 1))
    with pytest.raises(Crash):
        await CrashingData(storage, 1).write(ref, "groups", SMALL)
    assert len(await rows_of(storage, ref)) == 5
    assert await storage.tenant_data.read(ref, "groups") == SMALL
    await storage.tenant_data.write(ref, "groups", {})
    assert await rows_of(storage, ref) == ["groups"]


async def test_a_reader_during_writes_sees_one_whole_version(
    storage: Storage, ref: TenantRef
) -> None:
    data = storage.tenant_data
    versions = [large(1.5, 1), SMALL, large(2, 2)]
    await data.write(ref, "groups", versions[0])
    is_written = False

    async def write() -> None:
        nonlocal is_written
        for turn in range(9):
            await data.write(ref, "groups", versions[turn % 3])
        is_written = True

    async def read(seen: list[Documents | None]) -> None:
        while not is_written:
            seen.append(await data.read(ref, "groups"))
            seen.append((await data.read_all(ref)).get("groups"))

    seen: list[Documents | None] = []
    await asyncio.gather(write(), read(seen), read(seen))
    assert len(seen) > 10
    assert all(one in versions for one in seen)


class Interrupted(TableTenantData):
    """Data that is written while it is read, between a data set's row and its further parts."""

    def __init__(self, storage: Storage, versions: Sequence[Documents]) -> None:
        super().__init__(storage.table("tenantData"), storage.transactions)
        self.versions = list(versions)

    @override
    async def _further_parts(self, ref: TenantRef, row: Any) -> list[Any]:
        if self.versions:
            await super().write(ref, "groups", self.versions.pop(0))
        return await super()._further_parts(ref, row)


async def test_a_read_starts_again_when_its_version_was_replaced(
    storage: Storage, ref: TenantRef
) -> None:
    first, second, third = large(1.5, 1), large(2, 2), large(1.5, 3)
    await storage.tenant_data.write(ref, "groups", first)
    data = Interrupted(storage, [second, third])
    assert await data.read(ref, "groups") == third


async def test_a_version_that_stays_incomplete_counts_as_none(
    storage: Storage, ref: TenantRef
) -> None:
    """A backup that was made during a write may hold a row without its further parts."""
    data = storage.tenant_data
    await data.write(ref, "groups", large(2, 1))
    await data.write(ref, "domains", SMALL)
    partition = f"{ref.msp_id}:{ref.tenant_id}:{ref.epoch}"
    part = next(key for key in await rows_of(storage, ref) if key.endswith(":001"))
    await storage.table("tenantData").delete_entity(partition, part)
    assert await data.read(ref, "groups") is None
    assert await data.read_all(ref) == {"domains": SMALL}
    await data.write(ref, "groups", SMALL)
    assert await data.read_all(ref) == {"domains": SMALL, "groups": SMALL}
    assert await rows_of(storage, ref) == ["domains", "groups"]


class OvertakenData(TableTenantData):
    """Data whose writer is overtaken by another one before it writes the data set's own row."""

    @override
    async def _put_head(self, entity: dict[str, Any], before: TableEntity | None) -> None:
        ref = TenantRef(*entity["PartitionKey"].split(":"))
        other = TableTenantData(self._table, self._transactions)
        await other.write(ref, entity["RowKey"], large(2, 9))
        await super()._put_head(entity, before)


@pytest.mark.parametrize("before", [None, SMALL], ids=["first", "later"])
async def test_a_writer_that_was_overtaken_changes_nothing(
    storage: Storage, ref: TenantRef, before: Documents | None
) -> None:
    if before is not None:
        await storage.tenant_data.write(ref, "groups", before)
    data = OvertakenData(storage.table("tenantData"), storage.transactions)
    with pytest.raises(ConcurrentChange):
        await data.write(ref, "groups", large(1, 8))
    assert await storage.tenant_data.read(ref, "groups") == large(2, 9)
