"""Concurrent, repeated, late and killed billing runs all produce the same invoices."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import batched
from pathlib import Path

import pytest

from adapters.invoice_documents import BlobInvoiceDocuments
from adapters.tables.storage import Storage
from billing.bill_msp import BillingIncomplete
from billing.ports import BillingPorts
from billing.reconcile import reconcile
from domain.audit import SYSTEM, Cause
from domain.identifiers import MspId, TenantId
from domain.invoice import InvoiceParty, invoice_name
from domain.month import Month
from domain.msp import Msp
from domain.row_changes import Insert
from domain.usage import ActivePeriod, TenantUsage
from local.azurite import connection_string, start_azurite
from local.processes import free_ports
from tests.fakes.billing import FakeBillingEmails, FakePrinter
from tests.fakes.outside import FakeQueues, FixedClock
from tests.faults.billing_process import BillingProcess
from tests.faults.proxy import Kill, Proxy, WriteCounter
from tests.samples import MSP, version
from tests.simulation import app_environment
from tests.unit.billing.world import bill_each, customer_id, sydney

# BILLING_MSPS=50 runs it at full size.
MSPS = int(os.environ.get("BILLING_MSPS", "3"))
RUNS = int(os.environ.get("BILLING_RUNS", "8"))
MONTHS = [Month(2026, 9), Month(2026, 10), Month(2026, 11)]
AT = sydney(2026, 12, 1, 0, 15)
SELLER = InvoiceParty("Manage365 Pty Ltd", "35000000365")


@dataclass
class Bench:
    """Its own real storage, because a run bills every MSP in it."""

    storage: Storage
    documents: BlobInvoiceDocuments
    ports: tuple[int, int, int]
    certificates: Path

    def billing(self, at: datetime) -> BillingPorts:
        """Return the ports of a run at a given time."""
        return BillingPorts(
            self.storage.msps,
            self.storage.invoices,
            self.documents,
            FakePrinter(),
            FakeBillingEmails(),
            FixedClock(at),
            FakeQueues(),
            SELLER,
        )

    async def add(self, number: int, *usages: tuple[TenantId, str, ActivePeriod]) -> MspId:
        """Add an MSP that was onboarded on 1 September."""
        msp_id = MspId(f"{number:08d}-0000-4000-9000-000000000000")
        msp: Msp = replace(MSP, msp_id=msp_id, onboarded_at=sydney(2026, 9, 1))
        await self.storage.msps.commit([Insert(msp)])
        for group in batched(usages, 40, strict=False):
            rows = [TenantUsage(msp_id, who, name, (period,)) for who, name, period in group]
            await self.storage.msps.commit([Insert(row) for row in rows])
        return msp_id

    async def state(self, msp_id: MspId) -> tuple[int, int]:
        """Return the progress of billing: events and PDFs."""
        events = (await self.storage.msps.audit_events(msp_id, 500)).items
        names = [invoice_name(number) for number in range(1, 4)]
        stored = [await self.documents.get(msp_id, name) for name in names]
        return len(events), sum(pdf is not None for pdf in stored)

    async def check(self, msp_id: MspId, months: list[Month]) -> Counter[str]:
        """Check that exactly these months are invoiced correctly, without a gap; count events."""
        found = (await self.storage.invoices.invoices(msp_id, 100)).items
        assert [invoice.month for invoice in found] == months
        assert [invoice.number for invoice in found] == list(range(1, len(months) + 1))
        for invoice in found:
            lines = await self.storage.invoices.lines(invoice)
            stored = await self.documents.get(msp_id, invoice.name)
            assert stored == FakePrinter().pdf(invoice, lines)
            compared = await reconcile(
                self.storage.msps, self.storage.invoices, msp_id, invoice.month, AT
            )
            assert compared is not None
            assert compared.differences == ()
        events = (await self.storage.msps.audit_events(msp_id, 500)).items
        return Counter(event.action for event in events)


@pytest.fixture
async def bench(tmp_path: Path, certificates: Path) -> AsyncIterator[Bench]:
    blob, queue, table = free_ports(3)
    child = await start_azurite(tmp_path, (blob, queue, table), None, os.environ["PATH"])
    address = connection_string(blob, queue, table)
    storage, documents = Storage.connect(address), BlobInvoiceDocuments.connect(address)
    await storage.create_tables()
    await documents.create_container()
    yield Bench(storage, documents, (blob, queue, table), certificates)
    await storage.close()
    await documents.close()
    await child.stop()


async def test_runs_at_once_over_open_months_give_each_msp_one_invoice_a_month(
    bench: Bench,
) -> None:
    always = ActivePeriod(sydney(2026, 9, 1))
    october = ActivePeriod(sydney(2026, 10, 1), sydney(2026, 11, 1))
    expected: dict[MspId, list[Month]] = {}
    for number in range(MSPS):
        period, months = ((always, MONTHS), (october, MONTHS[1:2]))[number % 5 == 2]
        msp_id = await bench.add(number, (customer_id(1), "Customer", period))
        expected[msp_id] = months
    cause = Cause(SYSTEM, AT, "run")
    runs = (bill_each(bench.billing(AT), cause) for _ in range(RUNS))
    ended = await asyncio.gather(*runs, return_exceptions=True)
    # Storage on a busy machine drops connections; the next run does what a run could not.
    assert [
        one for one in ended if one is not None and not isinstance(one, BillingIncomplete)
    ] == []
    await bill_each(bench.billing(AT), cause)
    for msp_id, months in expected.items():
        counted = await bench.check(msp_id, months)
        assert counted["invoice.issued"] == counted["invoice.documented"] == len(months)
        assert counted["billing.month_closed"] == 3 - len(months)


async def test_a_run_that_is_killed_at_every_write_comes_to_the_same_in_the_end(
    bench: Bench,
) -> None:
    """Each kill is after a write, which leaves storage as a kill before the next write does.

    Each very long name fills a row, so that even a few lines do not fit into a transaction.
    """
    september = ActivePeriod(sydney(2026, 9, 1), sydney(2026, 10, 1))
    many = [(customer_id(n), f"{n:04d}" + "\u6771" * 2400, september) for n in range(82)]
    few = [
        (customer_id(n), f"Customer {n}", ActivePeriod(sydney(2026, 9, 1))) for n in range(900, 903)
    ]
    msp_id = await bench.add(0, *many, *few)
    assert await _kill_at_every_write(bench, msp_id, AT) >= 12
    issued = await bench.check(msp_id, MONTHS)
    assert issued["invoice.issued"] == issued["invoice.documented"] == 3
    assert await _kill_at_every_write(bench, msp_id, AT + timedelta(days=15, hours=1)) >= 6
    counted = await bench.check(msp_id, MONTHS)
    assert counted["msp.suspended"] == counted["invoice.notice_sent"] == 3
    head = await bench.storage.msps.head(msp_id)
    assert head is not None
    assert head.msp.value.suspended_at
    assert version(head.account).value.documented == 3


async def _kill_at_every_write(bench: Bench, msp_id: MspId, at: datetime) -> int:
    """Kill each run after the first write that makes progress, until there is none.

    Invoice lines that are written ahead are no progress: the next run writes them again, and is
    killed one write later.
    """
    counter, kills, write, before = WriteCounter(), 0, 1, await bench.state(msp_id)
    blob, queue, table = bench.ports
    async with Proxy(counter, lambda: table) as tables, Proxy(counter, lambda: blob) as blobs:
        address = connection_string(blobs.port, queue, tables.port)
        environment = app_environment(address, "https://localhost", bench.certificates)
        while True:
            process: list[BillingProcess] = []
            counter.restart(Kill(write, after=True, pid=lambda: process[0].pid))  # noqa: B023  this iteration's
            process.append(BillingProcess(environment, at))
            status = await process[0].wait()
            if status == 0:
                return kills
            assert status < 0, "a run failed by itself"
            state = await bench.state(msp_id)
            write, before, kills = (write + 1 if state == before else 1), state, kills + 1
            at += timedelta(minutes=16)  # by then an e-mail that was being sent counts as lost
