"""An MSP with customers, and billing's use cases with fakes."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from billing.bill_msp import BillingIncomplete, bill_msp
from billing.issue_invoices import issue_invoices
from billing.ports import BillingPorts
from domain.audit import SYSTEM, Cause
from domain.identifiers import MspId, TenantId
from domain.invoice import Invoice, InvoiceParty, Payment
from domain.msp import Msp
from domain.row_changes import Row
from domain.usage import ActivePeriod, TenantUsage
from tests.fakes.billing import FakeBillingEmails, FakeDocuments, FakeInvoiceStore, FakePrinter
from tests.fakes.outside import FakeQueues, FixedClock
from tests.fakes.storage import FakeMspStore
from tests.samples import MSP, version

SYDNEY = ZoneInfo("Australia/Sydney")
SELLER = InvoiceParty("Manage365 Pty Ltd", "35000000365")


def sydney(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SYDNEY).astimezone(UTC)  # type: ignore[arg-type, misc]  # a date's parts


def customer_id(number: int) -> TenantId:
    return TenantId(f"{number:08d}-0000-4000-8000-000000000000")


def usage(msp: Msp, number: int, since: datetime, until: datetime | None = None) -> TenantUsage:
    tenant_id = customer_id(number)
    return TenantUsage(msp.msp_id, tenant_id, f"Customer {number}", (ActivePeriod(since, until),))


async def bill_each(ports: BillingPorts, cause: Cause) -> None:
    """Bill every MSP, as the messages of one run of the timer do."""
    failed = list[BillingIncomplete]()
    for msp_id in [msp_id async for msp_id in ports.msps.msp_ids()]:
        try:
            await bill_msp(ports, msp_id, cause)
        except BillingIncomplete as error:
            failed.append(error)
    if failed:
        raise failed[0]


class BillingWorld:
    """Onboarded on 1 September in Sydney; it is shortly after the end of October there."""

    def __init__(self, *rows: Row, msp: Msp = MSP, customers: int = 19) -> None:
        self.msp = replace(msp, onboarded_at=sydney(2026, 9, 1))
        self.since = sydney(2026, 9, 1)
        customer_rows = [usage(self.msp, n, self.since) for n in range(customers)]
        self.msps = FakeMspStore(self.msp, *customer_rows, *rows)
        self.invoices = FakeInvoiceStore(self.msps)
        self.documents, self.emails = FakeDocuments(), FakeBillingEmails()
        self.queues = FakeQueues()
        self.clock = FixedClock(sydney(2026, 11, 1, 0, 15))
        self.ports = BillingPorts(
            self.msps,
            self.invoices,
            self.documents,
            FakePrinter(),
            self.emails,
            self.clock,
            self.queues,
            SELLER,
        )

    @property
    def cause(self) -> Cause:
        return Cause(SYSTEM, self.clock.now(), "run")

    async def run(self) -> None:
        await bill_each(self.ports, self.cause)

    async def issue(self, msp_id: MspId | None = None) -> list[Invoice]:
        return await issue_invoices(self.ports, msp_id or self.msp.msp_id, self.cause)

    async def payment(self, number: int = 1) -> Payment:
        return version(await self.invoices.payment(self.msp.msp_id, number)).value

    async def current(self) -> Msp:
        head = await self.msps.head(self.msp.msp_id)
        assert head is not None
        return head.msp.value

    def actions(self) -> list[str]:
        return self.msps.actions(self.msp.msp_id)
