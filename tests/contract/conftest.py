"""Each port, with its fake and with its adapter over real Azurite."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from adapters.invoice_documents import BlobInvoiceDocuments
from adapters.tables.storage import Storage
from domain.ports.consent_sessions import ConsentSessions
from domain.ports.invoice_documents import InvoiceDocuments
from domain.ports.invoice_store import InvoiceStore
from domain.ports.msp_store import MspStore
from domain.ports.pending_work import PendingWorkStore
from domain.ports.portfolio_reader import PortfolioReader
from domain.ports.staff_index import StaffIndex
from domain.ports.sync_schedule import SyncSchedule
from domain.ports.sync_states import SyncStates
from domain.ports.synced_records import SyncedRecords
from domain.ports.tenant_data import TenantData
from domain.ports.user_index import UserIndex
from domain.ports.whole_reads import WholeReads
from tests.fakes.billing import FakeDocuments, FakeInvoiceStore
from tests.fakes.portfolio import FakePortfolio, FakeUserIndex, FakeWholeReads
from tests.fakes.records import FakeSyncedRecords, FakeTenantData
from tests.fakes.storage import (
    FakeConsentSessions,
    FakeMspStore,
    FakePendingWork,
    FakeStaffIndex,
    FakeSyncStates,
)


@dataclass
class Ports:
    """All storage ports of one kind."""

    msps: MspStore
    staff_index: StaffIndex
    consent_sessions: ConsentSessions
    sync_states: SyncStates
    sync_schedule: SyncSchedule
    records: SyncedRecords
    tenant_data: TenantData
    pending_work: PendingWorkStore
    user_index: UserIndex
    whole_reads: WholeReads
    portfolio: PortfolioReader
    invoices: InvoiceStore
    documents: InvoiceDocuments


@pytest.fixture(scope="session")
async def storage(azurite: str) -> AsyncIterator[Storage]:
    """The adapters over real Azurite."""
    opened = Storage.connect(azurite)
    await opened.create_tables()
    await opened.create_tables()  # a start-up step may run twice
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
async def documents(azurite: str) -> AsyncIterator[BlobInvoiceDocuments]:
    """The invoices' PDFs in real Azurite."""
    opened = BlobInvoiceDocuments.connect(azurite)
    await opened.create_container()
    await opened.create_container()
    yield opened
    await opened.close()


@pytest.fixture(params=["fake", "azurite"])
def ports(request: pytest.FixtureRequest) -> Ports:
    """The ports, once as fakes and once as adapters."""
    if request.param == "fake":
        msps, states = FakeMspStore(), FakeSyncStates()
        return Ports(
            msps,
            FakeStaffIndex(),
            FakeConsentSessions(),
            states,
            msps.schedule,
            FakeSyncedRecords(),
            FakeTenantData(),
            FakePendingWork(),
            FakeUserIndex(),
            FakeWholeReads(),
            FakePortfolio(msps, states),
            FakeInvoiceStore(msps),
            FakeDocuments(),
        )
    real: Storage = request.getfixturevalue("storage")
    return Ports(
        real.msps,
        real.staff_index,
        real.consent_sessions,
        real.sync_states,
        real.sync_schedule,
        real.records,
        real.tenant_data,
        real.pending_work,
        real.user_index,
        real.whole_reads,
        real.portfolio,
        real.invoices,
        request.getfixturevalue("documents"),
    )
