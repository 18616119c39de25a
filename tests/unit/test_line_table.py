import csv
import io
from dataclasses import replace
from decimal import Decimal

import pytest

from billing.line_table import line_table
from domain.invoice import Invoice
from tests.unit.billing_world import BillingWorld


async def issued() -> tuple[BillingWorld, Invoice]:
    world = BillingWorld(customers=2)
    return world, (await world.issue())[-1]


def rows(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline="")))


async def test_a_line_is_a_row() -> None:
    world, invoice = await issued()
    found = rows(line_table(invoice, await world.invoices.lines(invoice)))
    assert [row["tenantName"] for row in found] == ["Customer 0", "Customer 1"]
    assert found[0] == {
        "invoice": "M365-INV-0002",
        "month": "2026-10",
        "tenantId": "00000000-0000-4000-8000-000000000000",
        "tenantName": "Customer 0",
        "activeDays": "31",
        "daysInMonth": "31",
        "unitPrice": "39.00",
        "amount": "39.00",
        "currency": "AUD",
    }


async def test_the_discount_is_the_last_row_and_all_rows_come_to_the_subtotal() -> None:
    world, invoice = await issued()
    lines = await world.invoices.lines(invoice)
    discounted = replace(invoice, discount=Decimal("-6.47"), subtotal=Decimal("71.53"))
    found = rows(line_table(discounted, lines))
    assert (found[-1]["tenantName"], found[-1]["tenantId"]) == ("Annual prepay discount 8.3 %", "")
    assert sum(Decimal(row["amount"]) for row in found) == discounted.subtotal


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@x", "\tx", 'a"b,c\nd', "\u6771\u4eac \ud83e"]
)
async def test_a_name_is_text_whatever_it_looks_like(name: str) -> None:
    world, invoice = await issued()
    line = replace((await world.invoices.lines(invoice))[0], tenant_name=name)
    (row,) = rows(line_table(invoice, [line]))
    assert row["tenantName"][:1] not in {"=", "+", "-", "@", "\t"}
    assert row["tenantName"].lstrip("'").replace("?", "") == name.replace("\ud83e", "")
