"""The search index and the portfolio's other stores, in memory."""

from collections.abc import Collection, Iterable
from typing import override

from domain.data_set import Document
from domain.errors import ConcurrentChange
from domain.identifiers import MspId, TenantRef
from domain.ports.portfolio_reader import PortfolioReader
from domain.ports.stored_users import StoredUsers
from domain.ports.user_index import BlockKey, BlockReplacement, Count, UserIndex
from domain.ports.whole_reads import WholeReads
from domain.row_changes import Versioned
from domain.sync_state import SyncSummary
from domain.tenant import ListedTenant, Tenant
from domain.user_block import UserBlock
from tests.fakes.storage import FakeMspStore, FakeSyncStates, _version


class FakeUserIndex(UserIndex):
    def __init__(self) -> None:
        self.rows: dict[BlockKey, Versioned[UserBlock]] = {}

    @override
    async def counts(self, ref: TenantRef) -> dict[str, Count]:
        found = [known.value for key, known in self.rows.items() if key[0] == ref]
        return {block.name: Count(block.users, block.enabled) for block in found}

    @override
    async def read(self, keys: Collection[BlockKey]) -> dict[BlockKey, Versioned[UserBlock]]:
        return {key: self.rows[key] for key in keys if key in self.rows}

    @override
    async def write(self, ref: TenantRef, exchanges: Iterable[BlockReplacement]) -> None:
        for exchange in exchanges:
            if all(block.name != exchange.name for block in exchange.blocks):
                if (ref, exchange.name) not in self.rows:
                    raise ConcurrentChange("it is gone")
                del self.rows[ref, exchange.name]
            for block in exchange.blocks:
                self.rows[ref, block.name] = Versioned(block, _version())

    @override
    async def replace(self, ref: TenantRef, block: UserBlock, version: str) -> None:
        known = self.rows.get((ref, block.name))
        if known is None or known.version != version:
            raise ConcurrentChange("it has changed")
        self.rows[ref, block.name] = Versioned(block, _version())

    @override
    async def versions(self, msp_id: MspId) -> dict[BlockKey, str]:
        return {key: known.version for key, known in self.rows.items() if key[0].msp_id == msp_id}

    @override
    async def of_msp(self, msp_id: MspId) -> dict[BlockKey, Versioned[UserBlock]]:
        return {key: known for key, known in self.rows.items() if key[0].msp_id == msp_id}

    @override
    async def purge(self, ref: TenantRef) -> int:
        gone = [key for key in self.rows if key[0] == ref]
        for key in gone:
            del self.rows[key]
        return len(gone)


class FakeStoredUsers(StoredUsers):
    def __init__(self) -> None:
        self.rows: dict[tuple[TenantRef, str], Versioned[Document]] = {}

    def add(self, ref: TenantRef, document: Document) -> None:
        self.rows[ref, document["id"]] = Versioned(document, _version())

    @override
    async def find(self, ref: TenantRef, user_id: str) -> Versioned[Document] | None:
        return self.rows.get((ref, user_id))

    @override
    async def replace(self, ref: TenantRef, user_id: str, document: Document, version: str) -> None:
        known = self.rows.get((ref, user_id))
        if known is None or known.version != version:
            raise ConcurrentChange("it has changed")
        self.add(ref, {**document, "id": user_id})


class FakeWholeReads(WholeReads):
    def __init__(self) -> None:
        self.rows: dict[tuple[TenantRef, str], set[str | None]] = {}

    @override
    async def add(self, ref: TenantRef, read: str, keys: Collection[str | None]) -> None:
        self.rows.setdefault((ref, read), set()).update(keys)

    @override
    async def met(self, ref: TenantRef, read: str, keys: Collection[str]) -> set[str | None]:
        return self.rows.get((ref, read), set()) & {*keys, None}

    @override
    async def forget(self, ref: TenantRef) -> None:
        self.rows = {key: met for key, met in self.rows.items() if key[0] != ref}


class FakePortfolio(PortfolioReader):
    def __init__(self, msps: FakeMspStore, states: FakeSyncStates) -> None:
        self._msps, self._states = msps, states

    @override
    async def tenants(self, msp_id: MspId) -> list[ListedTenant]:
        return [ListedTenant.of(known.value) for known in self._msps.of_kind(Tenant, msp_id)]

    @override
    async def summaries(self, msp_id: MspId) -> dict[TenantRef, SyncSummary]:
        states = await self._states.of_msp(msp_id)
        return {ref: SyncSummary.of(state) for ref, state in states.items()}
