"""Synced data in memory."""

import json
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import override

from domain.data_set import Document, Documents
from domain.digest import to_stored
from domain.identifiers import TenantRef
from domain.ports.page import Page
from domain.ports.synced_records import StoredRecord, SyncedRecord, SyncedRecords
from domain.ports.tenant_data import TenantData
from tests.fakes.storage import page_of


class FakeSyncedRecords(SyncedRecords):
    def __init__(self) -> None:
        self.rows: dict[TenantRef, dict[str, Document]] = {}
        self.written = 0

    def _of(self, ref: TenantRef) -> dict[str, Document]:
        return self.rows.setdefault(ref, {})

    @override
    async def digests(self, ref: TenantRef, keys: Collection[str] | None = None) -> dict[str, str]:
        return {
            key: to_stored(SyncedRecord(key, document)).digest
            for key, document in self._of(ref).items()
            if keys is None or key in keys
        }

    @override
    async def read(self, ref: TenantRef, keys: Collection[str]) -> dict[str, Document]:
        held = self._of(ref)
        return {key: held[key] for key in keys if key in held}

    @override
    async def write(self, ref: TenantRef, records: Sequence[StoredRecord]) -> None:
        self.written += len(records)
        self._of(ref).update({record.key: json.loads(record.text) for record in records})

    @override
    async def delete(self, ref: TenantRef, keys: Sequence[str]) -> None:
        for key in keys:
            self._of(ref).pop(key, None)

    @override
    async def page(
        self,
        ref: TenantRef,
        page_size: int,
        token: str | None = None,
        keep: Callable[[Document], bool] | None = None,
    ) -> Page[Document]:
        found = [document for _key, document in sorted(self._of(ref).items())]
        return page_of([row for row in found if not keep or keep(row)], page_size, token)

    @override
    async def purge(self, ref: TenantRef, most: int) -> int:
        keys = list(islice(self._of(ref), most))
        await self.delete(ref, keys)
        return len(keys)


class FakeTenantData(TenantData):
    def __init__(self) -> None:
        self.rows: dict[TenantRef, dict[str, Documents]] = {}
        self.written: list[str] = []
        self.operations = 0

    @override
    async def read(self, ref: TenantRef, name: str) -> Documents | None:
        self.operations += 1
        return self.rows.get(ref, {}).get(name)

    @override
    async def read_all(self, ref: TenantRef) -> dict[str, Documents]:
        self.operations += 1
        return dict(self.rows.get(ref, {}))

    @override
    async def write(self, ref: TenantRef, name: str, documents: Documents) -> None:
        self.operations += 1
        self.written.append(name)
        self.rows.setdefault(ref, {})[name] = documents

    @override
    async def purge(self, ref: TenantRef, most: int) -> int:
        held = self.rows.get(ref, {})
        names = list(islice(held, most))
        for name in names:
            del held[name]
        return len(names)
