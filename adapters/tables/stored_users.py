"""Single rows of the table `users`, in the form in which sync writes them."""

from typing import override

from azure.data.tables.aio import TableClient

from adapters.tables import access
from adapters.tables.records import document_of, partition_of, record_entity, row_of
from domain.data_set import Document
from domain.digest import to_stored
from domain.identifiers import TenantRef
from domain.ports.stored_users import StoredUsers
from domain.ports.synced_records import SyncedRecord
from domain.row_changes import Versioned


class TableStoredUsers(StoredUsers):
    """StoredUsers in Azure Tables."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    @override
    async def find(self, ref: TenantRef, user_id: str) -> Versioned[Document] | None:
        entity = await access.find(self._table, partition_of(ref), row_of(user_id))
        return access.versioned(entity, document_of)

    @override
    async def replace(self, ref: TenantRef, user_id: str, document: Document, version: str) -> None:
        record = to_stored(SyncedRecord(user_id, document))
        await access.replace(self._table, record_entity(ref, record), version)
