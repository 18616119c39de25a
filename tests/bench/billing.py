"""Issuing invoices compared with only writing the same rows, and one invoice of many tenants.

Three floors: writing exactly the rows that the product writes; writing one row per line, as an
invoice of this many lines would be stored without packing; and reading the usage before writing
exactly those rows, because the rows are computed from it. PDFs are timed separately.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import batched
from pathlib import Path

from adapters.invoice_documents import BlobInvoiceDocuments
from adapters.invoice_pdf.renderer import PdfInvoiceRenderer
from adapters.tables.rows import to_entity
from adapters.tables.storage import Storage
from billing.close_month import close_month
from billing.invoice_pdfs import document_invoices
from billing.issue_invoices import issue_invoices
from billing.ports import BillingPorts
from billing.read_inputs import read_head, read_inputs
from core.sweeps import for_each
from domain.audit import SYSTEM, Cause
from domain.identifiers import MspId
from domain.invoice import InvoiceLines
from domain.month import Month
from domain.row_changes import Insert, Row
from local.browser import Browser
from local.stack import Stack
from tests.bench.microsoft import azurite
from tests.e2e.portal import Portal
from tests.fakes.billing import FakeBillingEmails
from tests.fakes.outside import FakeQueues, FixedClock
from tests.samples import MSP
from tests.unit.billing.world import SELLER, sydney, usage

MSPS = int(os.environ.get("BENCH_MSPS", "1000"))
TENANTS = int(os.environ.get("BENCH_TENANTS", "100"))
LARGE = int(os.environ.get("BENCH_LARGE", "10000"))
SINCE, AT = sydney(2026, 10, 1), sydney(2026, 11, 1, 1)
CAUSE = Cause(SYSTEM, AT, "bench")


async def _add(storage: Storage, number: int, tenants: int, since: datetime = SINCE) -> MspId:
    msp_id = MspId(f"{number:08d}-0000-4000-9000-000000000000")
    msp = replace(MSP, msp_id=msp_id, onboarded_at=since)
    await storage.msps.commit([Insert(msp)])
    rows = [usage(msp, n, since) for n in range(tenants)]
    for batch in batched(rows, 100, strict=False):
        await storage.msps.commit([Insert(row) for row in batch])
    return msp.msp_id


def _ports(storage: Storage, documents: BlobInvoiceDocuments) -> BillingPorts:
    return BillingPorts(
        storage.msps,
        storage.invoices,
        documents,
        PdfInvoiceRenderer(),
        FakeBillingEmails(),
        FixedClock(AT),
        FakeQueues(),
        SELLER,
    )


async def _rows(ports: BillingPorts, msp_id: MspId) -> list[Row]:
    """Return the rows of an MSP's invoice."""
    books = await read_inputs(ports.msps, ports.invoices, await read_head(ports.msps, msp_id))
    decision = close_month(books, Month(2026, 10), SELLER, CAUSE)
    return [operation.row for operation in decision.operations]


async def _timed(msp_ids: Sequence[MspId], act: Callable[[MspId], Awaitable[None]]) -> float:
    began = time.perf_counter()
    failed = await for_each(msp_ids, act, print, max_concurrent=8)
    if failed:
        raise RuntimeError(f"{len(failed)} failed")
    return time.perf_counter() - began


async def _contest(storage: Storage, documents: BlobInvoiceDocuments) -> None:
    ports = _ports(storage, documents)
    msp_ids = [await _add(storage, number, TENANTS) for number in range(MSPS)]
    rows = await _rows(ports, msp_ids[0])
    packed = [to_entity(row) for row in rows]
    lines = [line for row in rows if isinstance(row, InvoiceLines) for line in row.lines]
    table = storage.table("bench")
    await table.create_table()

    async def same_rows(msp_id: MspId) -> None:
        steps = [("create", {**row, "PartitionKey": msp_id}) for row in packed]
        await table.submit_transaction(steps)

    async def row_a_line(msp_id: MspId) -> None:
        head = [{**row, "PartitionKey": f"{msp_id}-lines"} for row in packed[:4]]
        body = [
            {
                "PartitionKey": f"{msp_id}-lines",
                "RowKey": f"invoice-line:2026-10:{line.tenant_id}",
                "tenant_name": line.tenant_name,
                "active_days": line.active_days,
                "days_in_month": line.days_in_month,
                "amount": int(line.amount * 100),
            }
            for line in lines
        ]
        for batch in batched(body + head, 100, strict=False):
            await table.submit_transaction([("create", row) for row in batch])

    async def read_and_write(msp_id: MspId) -> None:
        for first in ("msp:", "usage:", "terms:"):
            query = "PartitionKey eq @msp and RowKey ge @first and RowKey lt @last"
            parameters = {"msp": msp_id, "first": first, "last": first[:-1] + ";"}
            found = storage.table("msps").query_entities(query, parameters=parameters)
            [row async for row in found]
        steps = [("create", {**row, "PartitionKey": f"{msp_id}-read"}) for row in packed]
        await table.submit_transaction(steps)

    async def product(msp_id: MspId) -> None:
        await issue_invoices(ports, msp_id, CAUSE)

    async def pdf(msp_id: MspId) -> None:
        await document_invoices(ports, msp_id, CAUSE)

    same, single = await _timed(msp_ids, same_rows), await _timed(msp_ids, row_a_line)
    reading = await _timed(msp_ids, read_and_write)
    ours, pages = await _timed(msp_ids, product), await _timed(msp_ids, pdf)
    print(f"{MSPS} MSPs of {TENANTS} tenants")
    for name, taken in {
        "the same rows": same,
        "a row a line": single,
        "reading, same rows": reading,
        "product, issuing": ours,
        "product, PDFs": pages,
    }.items():
        print(f"  {name:18} {taken:7.2f} s, {MSPS / taken:6.0f} invoices a second")
    print(f"  issuing against the same rows: {ours / same:.2f}")
    print(f"  issuing against a row a line:  {ours / single:.2f}")
    print(
        f"  issuing against reading what it reads and writing the same rows: {ours / reading:.2f}"
    )
    print("  storage operations an invoice: head, usage, terms, transaction, head")


def _most_memory(pid: int) -> float:
    """Return the peak memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


async def _in_the_host() -> None:
    """Let the host invoice one MSP of many tenants; print the process's peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        async with Stack(Path(folder), timers=False) as stack:
            storage = Storage.connect(stack.storage)
            since = datetime.now(UTC).replace(day=1, hour=12) - timedelta(days=20)
            msp_id = await _add(storage, 0, LARGE, since)
            async with Browser(stack.api, stack.microsoft, stack.ca) as browser:
                began = time.perf_counter()
                await Portal(browser).fire("issue_invoices")
                taken = time.perf_counter() - began
            (invoice,) = (await storage.invoices.invoices(msp_id, 2)).items
            peak = _most_memory(stack.host.pid)
            await storage.close()
    print(
        f"one MSP of {invoice.billed_tenants} tenants, with its PDF, in one invocation of the host:"
        f" {taken:.1f} s, {peak:.0f} MiB at most in the whole process"
    )


async def _run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with azurite(Path(folder)) as address:
            storage, documents = Storage.connect(address), BlobInvoiceDocuments.connect(address)
            await storage.create_tables()
            await documents.create_container()
            await _contest(storage, documents)
            await storage.close()
            await documents.close()
    await _in_the_host()


if __name__ == "__main__":
    asyncio.run(_run())
