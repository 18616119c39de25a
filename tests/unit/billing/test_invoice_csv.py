import csv
import io
import unicodedata
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.invoice_csv import _inert, line_table
from domain.invoice import Invoice
from tests.unit.billing.world import BillingWorld


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
    "name", ["=1+1", "+1", "-1", "@x", "\tx", 'a"b,c\nd', "\u6771\u4eac \ud83e", "a - b = c", "x;y"]
)
async def test_a_name_is_text_whatever_it_looks_like(name: str) -> None:
    world, invoice = await issued()
    line = replace((await world.invoices.lines(invoice))[0], tenant_name=name)
    (row,) = rows(line_table(invoice, [line]))
    assert row["tenantName"][:1] not in {"=", "+", "-", "@", "\t"}
    assert row["tenantName"].replace("'", "").replace("?", "") == name.replace("\ud83e", "")


# Characters that a spreadsheet does not show, by Unicode category, and blank letters.
UNSEEN = [
    *(c for c in map(chr, range(0x110000)) if unicodedata.category(c) in {"Cc", "Cf", "Zs"}),
    *"\u2028\u2029\u2800\u3164\u115f\ufe0f",
]
FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"
names = st.lists(
    st.one_of(
        st.sampled_from([*FORMULA, ";", "\t", "\n", "\r", ",", '"', "'", "1", "HYPERLINK", " "]),
        st.sampled_from(UNSEEN),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=12,
).map("".join)


def seen(cell: str) -> str:
    """Return a cell from its first visible character on."""
    return cell.lstrip("".join(UNSEEN) + '"')


async def written(name: str) -> bytes:
    world, invoice = await issued()
    line = replace((await world.invoices.lines(invoice))[0], tenant_name=name)
    return line_table(invoice, [line])


@given(names)
async def test_no_cell_of_any_name_is_a_formula_whatever_parts_the_cells(name: str) -> None:
    """A spreadsheet reads the file with the separator of its locale, which may differ from ours."""
    table = (await written(name)).decode("utf-8-sig")
    for separator in (",", ";", "\t"):
        reader = csv.reader(io.StringIO(table, newline=""), delimiter=separator)
        for cell in (cell for row in reader for cell in row):
            shown = unicodedata.normalize("NFKC", seen(cell)[:1])
            assert shown not in {"=", "+", "-", "@"}, ascii(cell)


@given(names)
async def test_a_name_comes_back_with_apostrophes_and_nothing_else_added(name: str) -> None:
    (row,) = rows(await written(name))
    assert row["tenantName"].replace("'", "") == name.replace("'", "")


def test_every_character_that_is_not_shown_is_looked_behind() -> None:
    for char in UNSEEN:
        assert "'" in _inert(f"{char}=1"), ascii(char)
        assert "'" in _inert(f"x;{char}{char}\uff201"), ascii(char)


async def test_every_value_is_quoted() -> None:
    text = (await written("\uff1d1")).decode("utf-8-sig")
    assert all(line.startswith('"') and line.endswith('"') for line in text.splitlines())
    assert '"\'\uff1d1"' in text
