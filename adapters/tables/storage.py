"""All tables of the product, over one connection."""

import asyncio
from typing import Any, Self

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables.aio import TableServiceClient

from adapters.tables.access import find, translate_storage_errors
from adapters.tables.consent_sessions import TableConsentSessions
from adapters.tables.invoices import TableInvoiceStore
from adapters.tables.msps import TableMspStore
from adapters.tables.pending_work import TablePendingWork
from adapters.tables.pipeline import TablesPipeline
from adapters.tables.portfolio import TablePortfolio
from adapters.tables.records import TableSyncedRecords
from adapters.tables.staff_index import TableStaffIndex
from adapters.tables.stored_users import TableStoredUsers
from adapters.tables.sync_schedule import TableSyncSchedule
from adapters.tables.sync_states import TableSyncStates
from adapters.tables.table import Table
from adapters.tables.tenant_data import TableTenantData
from adapters.tables.transactions import Transactions
from adapters.tables.user_index import TableUserIndex
from adapters.tables.whole_reads import TableWholeReads
from adapters.transport import new_transport

NAMES = (
    *("msps", "mspIndex", "staff", "consentStates", "syncState", "syncSchedule"),
    *("pendingWork", "userIndex", "wholeReads", "users", "tenantData"),
)
_PROBE_SECONDS = 3
# The SDK retries when a server throttles or is busy, for no longer than an HTTP caller waits.
_RETRIES: dict[str, Any] = {"retry_total": 4, "retry_backoff_factor": 0.4, "retry_backoff_max": 5}
# Storage itself gives up on an operation after 30 seconds. The SDK would wait for five minutes: a
# sync's lease would have expired, and its write could follow that of the next holder.
_TIMEOUTS: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 40}


class Storage:
    """The storage ports in Azure Tables.

    Args:
        service: The account's table service.
        transport: The transport of the service. All requests share its connections.
    """

    def __init__(self, service: TableServiceClient, transport: AioHttpTransport) -> None:
        self._service, self._transport = service, transport
        self._pipeline = TablesPipeline(service, transport, _RETRIES)
        self.transactions = Transactions(self._pipeline)
        client, transactions = self.table, self.transactions
        self.sync_schedule = TableSyncSchedule(client("syncSchedule"))
        self.msps = TableMspStore(
            client("msps"), client("mspIndex"), self.sync_schedule, transactions
        )
        self.invoices = TableInvoiceStore(client("msps"), self.msps, transactions)
        self.staff_index = TableStaffIndex(client("staff"))
        self.consent_sessions = TableConsentSessions(client("consentStates"))
        self.sync_states = TableSyncStates(client("syncState"))
        self.pending_work = TablePendingWork(client("pendingWork"))
        self.records = TableSyncedRecords(client("users"), transactions)
        self.stored_users = TableStoredUsers(client("users"))
        self.tenant_data = TableTenantData(client("tenantData"), transactions)
        self.user_index = TableUserIndex(client("userIndex"), transactions)
        self.whole_reads = TableWholeReads(client("wholeReads"))
        self.portfolio = TablePortfolio(client("msps"), client("syncState"))

    @classmethod
    def connect(cls, connection_string: str) -> Self:
        """Open the account that a connection string identifies."""
        transport = new_transport(**_TIMEOUTS)
        service = TableServiceClient.from_connection_string(
            connection_string, transport=transport, **_RETRIES
        )
        return cls(service, transport)

    @classmethod
    def open(cls, endpoint: str, credential: AsyncTokenCredential) -> Self:
        """Open the account at a table endpoint, with the app's identity."""
        transport = new_transport(**_TIMEOUTS)
        service = TableServiceClient(
            endpoint, credential=credential, transport=transport, **_RETRIES
        )
        return cls(service, transport)

    async def create_tables(self, *others: str) -> None:
        """Create all missing tables: a start-up step, never part of a request."""
        with translate_storage_errors():
            await asyncio.gather(*map(self._service.create_table_if_not_exists, (*NAMES, *others)))

    def table(self, name: str) -> Table:
        """Return the client of a table."""
        return Table(self._service, name, self._pipeline, self._transport, _RETRIES)

    async def probe(self) -> None:
        """Read a row that does not exist; raise an error if storage cannot be reached."""
        async with asyncio.timeout(_PROBE_SECONDS):
            await find(self.table("msps"), "probe", "probe")

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()
