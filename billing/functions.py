"""Routes of billing, and the timer and queue that issue invoices."""

import asyncio
from functools import partial
from zoneinfo import ZoneInfo

import azure.functions as func

from billing.answers import (
    InvoiceAnswer,
    PreviewAnswer,
    PreviewQuery,
    status_of,
)
from billing.bill_msp import bill_msp, queue_billing
from billing.invoice_csv import line_table
from billing.invoice_pdfs import find_invoice, stored_pdf
from billing.list_invoices import list_invoices
from billing.ports import BillingPorts
from billing.preview import projected, to_date
from billing.read_inputs import read_head, read_inputs
from domain.audit import SYSTEM, Cause
from domain.errors import InvoiceNotFound
from domain.identifiers import MspRef
from domain.invoice import Invoice, parse_invoice_name
from domain.month import Month
from domain.ports.page import Page
from domain.roles import Permission
from domain.work_queues import BILL_MSP
from edge.answers import Answer, Content
from edge.lists import list_route
from edge.models import ListQuery, NoBody, NoQuery
from edge.requests import StaffRequest
from edge.routes import Edge, RouteTable
from edge.triggers import FailedMessages, add_timer, add_work_queue

routes = RouteTable[BillingPorts]("billing")


@routes.route(
    "GET",
    "billing/preview",
    Permission.BILLING_READ,
    query=PreviewQuery,
    answers={200: PreviewAnswer},
)
async def preview_invoice(
    ports: BillingPorts, request: StaffRequest[NoBody, PreviewQuery]
) -> Answer:
    """Return the charge of a month up to now, and its projection to the month's end."""
    asked, now = request.query.month, ports.clock.now()
    head = await read_head(ports.msps, request.caller.msp_id)
    msp = head.msp.value
    month = Month.parse(asked) if asked else Month.of(now, ZoneInfo(msp.time_zone))
    inputs = await read_inputs(ports.msps, ports.invoices, head)
    charges = to_date(inputs, month, now), projected(inputs, month, now)
    return Answer(200, PreviewAnswer.of(*charges, ports.seller, msp))


@list_route(routes, "billing/invoices", Permission.BILLING_READ, InvoiceAnswer)
async def list_invoices_route(
    ports: BillingPorts, request: StaffRequest[NoBody, ListQuery]
) -> Page[InvoiceAnswer]:
    """List the MSP's invoices."""
    query, msp, now = request.query, request.caller.msp, ports.clock.now()
    page = await list_invoices(ports, msp.msp_id, query.page_size, query.page_token)
    return page.map(lambda listed: InvoiceAnswer.of(*listed, status_of(listed[2], msp, now)))


@routes.route(
    "GET", "billing/invoices/{number}", Permission.BILLING_READ, answers={200: InvoiceAnswer}
)
async def get_invoice(ports: BillingPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Show an invoice."""
    invoice, msp = await _named(ports, request), request.caller.msp
    lines, known = await asyncio.gather(
        ports.invoices.lines(invoice), ports.invoices.payment(msp.msp_id, invoice.number)
    )
    if known is None:
        raise InvoiceNotFound("No such invoice.")
    status = status_of(known.value, msp, ports.clock.now())
    return Answer(200, InvoiceAnswer.of(invoice, lines, known.value, status))


@routes.route(
    "GET",
    "billing/invoices/{number}/pdf",
    Permission.BILLING_READ,
    answers={200: None},
    media="application/pdf",
)
async def get_invoice_pdf(ports: BillingPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Download an invoice as PDF."""
    invoice = await _named(ports, request)
    pdf = await stored_pdf(ports, invoice)
    return Answer(200, Content(pdf, "application/pdf", f"{invoice.name}.pdf"))


@routes.route(
    "GET",
    "billing/invoices/{number}/csv",
    Permission.BILLING_READ,
    answers={200: None},
    media="text/csv",
)
async def get_invoice_csv(ports: BillingPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Download an invoice's lines as CSV."""
    invoice = await _named(ports, request)
    table = line_table(invoice, await ports.invoices.lines(invoice))
    return Answer(200, Content(table, "text/csv", f"{invoice.name}.csv"))


def billing_functions(edge: Edge, ports: BillingPorts) -> func.Blueprint:
    """Return the area's functions: its routes, and the timer and queue that issue invoices."""
    blueprint, failed = routes.bind(edge, ports), FailedMessages(ports.msps, ports.clock)

    async def bill(ref: MspRef, message_id: str) -> None:
        await bill_msp(ports, ref.msp_id, Cause(SYSTEM, ports.clock.now(), message_id))

    issue = partial(queue_billing, ports)
    add_timer(blueprint, "issue_invoices", "INVOICE_SCHEDULE", issue)
    add_work_queue(blueprint, BILL_MSP, failed, bill)
    return blueprint


async def _named(ports: BillingPorts, request: StaffRequest[NoBody, NoQuery]) -> Invoice:
    """Return the invoice of the caller's MSP that the path names.

    Raises:
        InvoiceNotFound: There is none, or the text is not an invoice number.
    """
    number = parse_invoice_name(request.path["number"])
    if number is None:
        raise InvoiceNotFound("No such invoice.")
    return await find_invoice(ports, request.caller.msp_id, number)
