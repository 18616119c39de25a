"""Invoices over HTTP: issued by the timer, listed, downloaded, paid."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from adapters.tables.storage import Storage
from domain.identifiers import MspId
from domain.month import Month
from domain.row_changes import Replace
from local.sample_data import SELLER_ABN, SeedMsp
from local.stack import Stack
from ops.__main__ import main
from tests.e2e.portal import CONTOSO, FABRIKAM, Portal, owner, role
from tests.samples import version


@pytest.fixture
async def issued(portal: Portal) -> list[dict[str, Any]]:
    """Contoso's invoices after the timer has fired."""
    await portal.fire("issue_invoices")
    reply = await portal.call(owner(), "GET", "/billing/invoices")
    assert reply.status == 200, reply
    items: list[dict[str, Any]] = reply.body["items"]
    return items


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[Storage]:
    opened = Storage.connect(stack.storage)
    yield opened
    await opened.close()


type Ops = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def ops(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ops:
    """Runs an operator command; returns its result and output."""
    monkeypatch.setenv("STORAGE_CONNECTION_STRING", stack.storage)

    async def run(*arguments: str) -> tuple[int, str]:
        status = await asyncio.to_thread(main, list(arguments))
        printed = capsys.readouterr()
        return status, printed.out or printed.err

    return run


def last_month(msp: SeedMsp = CONTOSO) -> Month:
    return Month.of(datetime.now(UTC), ZoneInfo(msp.time_zone)).plus(-1)


async def test_every_closed_month_is_invoiced_once_however_often_the_timer_fires(
    portal: Portal, issued: list[dict[str, Any]]
) -> None:
    await asyncio.gather(*(portal.fire("issue_invoices") for _ in range(3)))
    again = await portal.call(owner(), "GET", "/billing/invoices")
    assert again.body["items"] == issued
    assert [invoice["number"] for invoice in issued] == ["M365-INV-0001", "M365-INV-0002"]
    assert [invoice["month"] for invoice in issued] == [
        str(last_month().plus(-1)),
        str(last_month()),
    ]
    for invoice in issued:
        assert invoice["billedTenants"] == len(invoice["lines"]) == 19
        assert (invoice["subtotal"], invoice["gst"], invoice["total"]) == (
            "741.00",
            "74.10",
            "815.10",
        )
        assert (invoice["status"], invoice["currency"]) == ("issued", "AUD")
        assert invoice["seller"] == {"name": "Manage365 Pty Ltd", "abn": SELLER_ABN}
        assert invoice["buyer"] == {"name": "Contoso MSP", "abn": CONTOSO.abn}
        assert not [line for line in invoice["lines"] if line["tenantId"] == CONTOSO.own.tenant_id]


async def test_an_invoice_is_shown_by_its_number(
    portal: Portal, issued: list[dict[str, Any]]
) -> None:
    reply = await portal.call(owner(), "GET", "/billing/invoices/M365-INV-0002")
    assert (reply.status, reply.body) == (200, issued[1])
    for name in ("M365-INV-0099", "M365-INV-2", "nonsense"):
        for part in ("", "/pdf", "/csv"):
            missing = await portal.call(owner(), "GET", f"/billing/invoices/{name}{part}")
            assert (missing.status, missing.body["code"]) == (404, "invoice_not_found")
    theirs = await portal.call(owner(FABRIKAM), "GET", "/billing/invoices/M365-INV-0002")
    assert theirs.body["buyer"]["name"] == "Fabrikam IT"
    assert (theirs.body["gst"], theirs.body["total"]) == ("0.00", theirs.body["subtotal"])
    page = await portal.call(owner(), "GET", "/billing/invoices?pageSize=1")
    rest = await portal.call(owner(), "GET", page.body["nextLink"])
    assert page.body["items"] + rest.body["items"] == issued


async def test_the_pdf_says_the_same_and_never_changes(
    portal: Portal, issued: list[dict[str, Any]]
) -> None:
    path = "/billing/invoices/M365-INV-0002/pdf"
    reply = await portal.call(owner(), "GET", path)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/pdf")
    assert 'filename="M365-INV-0002.pdf"' in reply.headers["Content-Disposition"]
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(reply.body)).pages)
    wanted = ["Tax invoice", "M365-INV-0002", "741.00", "74.10", "815.10", "ABN 35 000 000 365"]
    wanted += ["ABN 51 824 753 556", "19 tenants", *(c.display_name for c in CONTOSO.customers)]
    wanted += [line["tenantId"] for line in issued[1]["lines"]]
    # A customer that another test renamed is on the invoice under its old name.
    names = {line["tenantName"] for line in issued[1]["lines"]}
    others = {customer.display_name for customer in CONTOSO.customers} - names
    assert [part for part in wanted if part not in text and part not in others] == []
    await portal.fire("issue_invoices")
    assert (await portal.call(owner(), "GET", path)).body == reply.body


@pytest.mark.usefixtures("issued")
async def test_the_lines_are_to_be_had_as_csv(portal: Portal) -> None:
    reply = await portal.call(owner(), "GET", "/billing/invoices/M365-INV-0001/csv")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(reply.body.lstrip("\ufeff"))))
    assert len(rows) == 19
    assert {row["amount"] for row in rows} == {"39.00"}


async def test_the_preview_is_projected_to_the_end_of_the_month(portal: Portal) -> None:
    reply = await portal.call(owner(FABRIKAM), "GET", "/billing/preview")
    projected = reply.body["projected"]
    assert projected["billedTenants"] == 3
    assert (projected["subtotal"], projected["gst"]) == ("147.00", "0.00")
    assert float(reply.body["total"]) <= float(projected["total"])


@pytest.mark.usefixtures("issued")
async def test_an_unpaid_msp_is_kept_out_of_all_but_billing_until_it_pays(
    portal: Portal, ops: Ops, store: Storage
) -> None:
    msp_id, staff = MspId(FABRIKAM.msp_id), owner(FABRIKAM)
    await _let_pass(store, msp_id, timedelta(days=16))
    await portal.fire("issue_invoices")
    refused = await portal.call(staff, "GET", "/tenants")
    assert (refused.status, refused.body["code"]) == (402, "msp_suspended")
    shown = await portal.call(staff, "GET", "/billing/invoices")
    assert [invoice["status"] for invoice in shown.body["items"]] == ["overdue"] * 2
    assert (await portal.call(staff, "GET", "/billing/invoices/M365-INV-0001/pdf")).status == 200
    for number, status in (("M365-INV-0001", 402), ("M365-INV-0002", 200)):
        assert (await ops("mark-paid", "--msp-id", msp_id, "--number", number))[0] == 0
        assert (await portal.call(staff, "GET", "/tenants")).status == status
    paid = await portal.call(staff, "GET", "/billing/invoices/M365-INV-0002")
    assert paid.body["status"] == "paid"
    actions = [event["action"] for event in await portal.events(FABRIKAM)]
    assert {"msp.suspended", "invoice.paid", "msp.resumed", "invoice.notice_sent"} <= set(actions)


async def _let_pass(store: Storage, msp_id: MspId, time: timedelta) -> None:
    """Move the issue date of every unpaid invoice back by this much."""
    for known in await store.invoices.payments(msp_id, unpaid=True):
        earlier = replace(
            known.value,
            issued_at=known.value.issued_at - time,
            due_on=known.value.due_on - time,
        )
        await store.msps.commit([Replace(earlier, known.version)])


@pytest.mark.usefixtures("issued")
async def test_operators_reconcile_change_terms_and_are_told_of_what_is_wrong(
    portal: Portal, ops: Ops, store: Storage
) -> None:
    msp_id = MspId(FABRIKAM.msp_id)
    options = ("--month", str(last_month(FABRIKAM)), "--msp-id", msp_id)
    status, found = await ops("reconcile", *options)
    assert (status, '"differences": []' in found) == (0, True), found
    assert "3 tenants are below the minimum of 10 for the tier professional." in found
    changed = await ops("change-terms", "--msp-id", msp_id, "--tier", "business")
    assert changed[0] == 0
    assert "3 tenants are below the minimum of 51 for the tier business." in changed[1]
    assert (await ops("mark-paid", "--msp-id", msp_id, "--number", "X"))[0] == 1
    preview = await portal.call(owner(FABRIKAM), "GET", "/billing/preview")
    assert preview.body["tier"] == "professional"
    head = await store.msps.head(msp_id)
    assert head is not None
    assert version(head.account).value.issued == 2


async def test_only_owners_and_admins_see_invoices(portal: Portal) -> None:
    for name, status in (("msp_admin", 200), ("l3", 403), ("viewer", 403)):
        assert (await portal.call(role(name), "GET", "/billing/invoices")).status == status
