"""The operator commands for billing: payments, terms, reconciliation."""

import argparse
from decimal import Decimal
from typing import Any
from uuid import uuid4

from adapters.clock import SystemClock
from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from billing.change_terms import change_terms
from billing.mark_paid import mark_paid
from billing.reconcile import Reconciled, reconcile
from domain.audit import SYSTEM, Cause
from domain.billing_terms import BillingTerms
from domain.errors import InvoiceNotFound
from domain.identifiers import MspId, parse_guid
from domain.invoice import parse_invoice_name
from domain.month import Month
from ops.command import cents
from ops.onboarding import agreed_price, tier


def add_billing_commands(commands: Any) -> None:
    """Add the commands to the parser."""
    paid = commands.add_parser("mark-paid", help="record that an invoice is paid")
    paid.set_defaults(command=_mark_paid)
    paid.add_argument("--msp-id", required=True)
    paid.add_argument("--number", required=True, help="such as M365-INV-0001")
    terms = commands.add_parser("change-terms", help="change an MSP's tier from the next month on")
    terms.set_defaults(command=_change_terms)
    terms.add_argument("--msp-id", required=True)
    terms.add_argument("--tier", required=True)
    terms.add_argument("--agreed-price", help="AUD per tenant and month, for enterprise_plus")
    terms.add_argument("--annual-prepay", action="store_true", help="the year is paid in advance")
    compare = commands.add_parser("reconcile", help="compare a month's invoices with usage")
    compare.set_defaults(command=_reconcile)
    compare.add_argument("--month", required=True, help="YYYY-MM")
    compare.add_argument("--msp-id", help="one MSP; all by default")


async def _mark_paid(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, Any]:
    msp_id, number = _msp_id(options), parse_invoice_name(options.number)
    if number is None:
        raise InvoiceNotFound("No such invoice.")
    news = await mark_paid(storage.msps, storage.invoices, msp_id, number, _cause())
    return {"invoice": options.number, "payment": "recorded" if news else "recorded before"}


async def _change_terms(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, Any]:
    price = agreed_price(options.tier, cents(options.agreed_price))
    terms = BillingTerms(tier(options.tier), price, options.annual_prepay)
    month, warning = await change_terms(
        storage.msps, storage.invoices, _msp_id(options), terms, _cause()
    )
    return {"fromMonth": str(month), "warning": warning}


async def _reconcile(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, Any]:
    month = Month.parse(options.month)
    if options.msp_id:
        msp_ids = [_msp_id(options)]
    else:
        msp_ids = [msp_id async for msp_id in storage.msps.msp_ids()]
    now = SystemClock().now()
    found = [
        await reconcile(storage.msps, storage.invoices, msp_id, month, now) for msp_id in msp_ids
    ]
    return report(month, [one for one in found if one])


def report(month: Month, found: list[Reconciled]) -> dict[str, Any]:
    """Return the result of a reconciliation as an operator sees it."""
    return {
        "month": str(month),
        "msps": len(found),
        "invoices": sum(one.invoice is not None for one in found),
        "total": str(sum((one.total for one in found), Decimal("0.00"))),
        "differences": [
            {"mspId": one.msp_id, "invoice": one.invoice, "differences": list(one.differences)}
            for one in found
            if one.differences
        ],
        "warnings": [{"mspId": one.msp_id, "warning": one.warning} for one in found if one.warning],
    }


def _msp_id(options: argparse.Namespace) -> MspId:
    return MspId(parse_guid(options.msp_id, "msp-id"))


def _cause() -> Cause:
    return Cause(SYSTEM, SystemClock().now(), str(uuid4()))
