"""Whatever a row says is stored, and read again; and each kind has keys of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from types import NoneType
from typing import Any, NewType, get_args, get_origin, get_type_hints

import pytest
from azure.data.tables import TableEntity
from hypothesis import given
from hypothesis import strategies as st

from adapters.tables.row_codec import row_codec
from adapters.tables.rows import from_entity, to_entity
from domain.billing_account import BillingAccount
from domain.billing_terms import BillingTerms, TermsChange
from domain.invoice import InvoiceLine, InvoiceLines, Payment
from domain.month import Month
from domain.msp import Msp
from domain.row_changes import Row
from domain.row_kinds import KINDS, kind_of
from domain.tenant import TenantStatus
from tests.samples import CONTOSO, MSP, NOW, OWN, tenant

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    datetime: st.datetimes(timezones=st.just(UTC)),
    Decimal: st.integers(-(10**15), 10**15).map(lambda cents: Decimal(cents).scaleb(-2)),
    Month: st.builds(Month, st.integers(1, 9998), st.integers(1, 12)),
    Mapping[str, Any]: st.dictionaries(st.text(), json_values, max_size=3),
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Return what a field of the type can be."""
    if annotation in SIMPLE:
        return SIMPLE[annotation]
    if isinstance(annotation, NewType):
        return st.text(min_size=1)  # an identifier is never empty
    if NoneType in get_args(annotation):
        return st.none() | values(get_args(annotation)[0])
    if get_origin(annotation) is tuple:
        return st.lists(values(get_args(annotation)[0]), max_size=3).map(tuple)
    if is_dataclass(annotation):
        hints = get_type_hints(annotation)
        return st.builds(annotation, **{name: values(hint) for name, hint in hints.items()})  # type: ignore[arg-type]  # a class
    return st.from_type(annotation)


def _as_of_one_invoice(lines: InvoiceLines) -> InvoiceLines:
    """Return lines as they are made: the month says how long it is, and the set is a digest."""
    days = lines.month.days
    made: tuple[InvoiceLine, ...] = tuple(replace(one, days_in_month=days) for one in lines.lines)
    part = abs(lines.part) % 100_000
    return replace(lines, lines=made, line_set=lines.line_set.encode().hex(), part=part)


rows = st.one_of([values(cls) for cls in KINDS]).map(
    lambda row: _as_of_one_invoice(row) if isinstance(row, InvoiceLines) else row
)


@given(rows)
def test_every_row_is_read_as_it_was_written(row: Row) -> None:
    assert from_entity(type(row), TableEntity(to_entity(row))) == row


@given(rows)
def test_what_is_none_is_no_property(row: Row) -> None:
    entity = to_entity(row)
    assert None not in entity.values()
    assert entity["PartitionKey"] == row.msp_id
    assert entity["RowKey"] == kind_of(type(row)).key_of(row)


def test_no_kind_of_row_lies_among_those_of_another() -> None:
    """Except beside the MSP itself, whose rows are read together."""
    starts = sorted(f"{kind.name}:" for kind in KINDS.values())
    assert len(set(starts)) == len(KINDS)
    assert [s for s in starts if any(s.startswith(t) for t in starts if s != t)] == [
        *("msp:billing:", "msp:consent:", "msp:partner-tenant:")
    ]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (tenant(), "display_name"),
        (tenant(), "created_at"),
        (tenant(), "is_own_msp_tenant"),
        (MSP, "owners"),
        (BillingAccount(CONTOSO), "issued"),
        (TermsChange(CONTOSO, Month(2026, 10), NOW, BillingTerms("business")), "annual_prepay"),
        (Payment(CONTOSO, 1, Month(2026, 10), Decimal(1), NOW, NOW.date()), "noticed"),
    ],
)
def test_what_nobody_may_guess_is_not_read_from_a_row_without_it(row: Row, name: str) -> None:
    entity = TableEntity(to_entity(row))
    del entity[name]
    with pytest.raises(KeyError, match=name):
        from_entity(type(row), entity)


def test_an_msp_of_a_release_before_signs_in_from_where_its_app_is() -> None:
    entity = TableEntity(to_entity(replace(MSP, sign_in_tenants=())))
    assert from_entity(Msp, entity).sign_in_tenants == ()
    del entity["sign_in_tenants"]
    assert from_entity(Msp, entity).sign_in_tenants == (OWN,)


@dataclass(frozen=True)
class _Step:
    at: datetime
    cost: Decimal
    status: TenantStatus | None = None


@dataclass(frozen=True)
class _Later:
    """A row as one to come may be: with times and amounts within lists."""

    msp_id: str
    steps: tuple[_Step, ...]
    months: tuple[Month, ...] = ()
    last: _Step | None = None


@given(values(_Later))
def test_what_is_nested_is_json(row: _Later) -> None:
    codec = row_codec(_Later)
    stored = codec.encode(row)
    assert all(isinstance(stored[name], str) for name in stored)
    assert codec.decode(stored) == row


def test_a_nested_value_is_as_long_as_it_says() -> None:
    stored = row_codec(_Later).encode(_Later(CONTOSO, (_Step(NOW, Decimal("1.50")),)))
    assert stored["steps"] == ('[{"at": "2026-11-10T03:00:00+00:00", "cost": 150, "status": null}]')
    read = row_codec(_Later).decode({"msp_id": "m", "steps": stored["steps"], "colour": "red"})
    assert (read.months, read.last) == ((), None)


def test_an_amount_of_more_than_two_decimals_is_refused() -> None:
    codec = row_codec(_Later)
    with pytest.raises(ValueError, match="more than two decimals"):
        codec.encode(_Later(CONTOSO, (_Step(NOW, Decimal("1.505")),)))
