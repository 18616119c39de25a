"""Synced records in memory."""

import json
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import override

from domain.digest import to_stored
from domain.identifiers import TenantRef
from domain.ports.page import Page
from domain.ports.synced_records import Document, StoredRecord, SyncedRecord, SyncedRecords
from domain.sync_state import DataSet
from tests.fakes.storage import page_of


class FakeSyncedRecords(SyncedRecords):
    def __init__(self) -> None:
        self.rows: dict[tuple[DataSet, TenantRef], dict[str, Document]] = {}
        self.written = 0

    def _of(self, data_set: DataSet, ref: TenantRef) -> dict[str, Document]:
        return self.rows.setdefault((data_set, ref), {})

    @override
    async def digests(
        self, data_set: DataSet, ref: TenantRef, keys: Collection[str] | None = None
    ) -> dict[str, str]:
        return {
            key: to_stored(SyncedRecord(key, document)).digest
            for key, document in self._of(data_set, ref).items()
            if keys is None or key in keys
        }

    @override
    async def read(
        self, data_set: DataSet, ref: TenantRef, keys: Collection[str]
    ) -> dict[str, Document]:
        held = self._of(data_set, ref)
        return {key: held[key] for key in keys if key in held}

    @override
    async def write(
        self, data_set: DataSet, ref: TenantRef, records: Sequence[StoredRecord]
    ) -> None:
        self.written += len(records)
        self._of(data_set, ref).update({record.key: json.loads(record.text) for record in records})

    @override
    async def delete(self, data_set: DataSet, ref: TenantRef, keys: Sequence[str]) -> None:
        for key in keys:
            self._of(data_set, ref).pop(key, None)

    @override
    async def page(
        self,
        data_set: DataSet,
        ref: TenantRef,
        page_size: int,
        token: str | None = None,
        keep: Callable[[Document], bool] | None = None,
    ) -> Page[Document]:
        found = [document for _key, document in sorted(self._of(data_set, ref).items())]
        return page_of([row for row in found if not keep or keep(row)], page_size, token)

    @override
    async def purge(self, data_set: DataSet, ref: TenantRef, most: int) -> int:
        keys = list(islice(self._of(data_set, ref), most))
        await self.delete(data_set, ref, keys)
        return len(keys)
