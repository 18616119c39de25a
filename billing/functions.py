"""Routes of billing, and the timer that issues invoices."""

import asyncio
from uuid import uuid4
from zoneinfo import ZoneInfo

import azure.functions as func

from billing.answers import (
    InvoiceAnswer,
    InvoiceList,
    PreviewAnswer,
    PreviewQuery,
    status_of,
)
from billing.billing_run import run_billing
from billing.invoice_csv import line_table
from billing.invoice_pdfs import find_invoice, stored_pdf
from billing.list_invoices import list_invoices
from billing.ports import BillingPorts
from billing.preview import projected, to_date
from billing.read_inputs import read_head, read_inputs
from domain.audit import SYSTEM, Cause
from domain.errors import InvoiceNotFound
from domain.invoice import Invoice, parse_invoice_name
from domain.month import Month
from domain.roles import Permission
from edge.answers import Answer, Content
from edge.models import ListQuery, NoBody, NoQuery
from edge.requests import Request
from edge.routes import Edge, Routes
from telemetry import traced


def billing_functions(edge: Edge, ports: BillingPorts) -> func.Blueprint:
    """Return the area's functions."""
    routes = edge.routes("billing")
    _preview(routes, ports)
    _invoices(routes, ports)
    _downloads(routes, ports)
    _issuing(routes.blueprint, ports)
    return routes.blueprint


def _preview(routes: Routes, ports: BillingPorts) -> None:
    @routes.route(
        "GET",
        "billing/preview",
        Permission.BILLING_READ,
        query=PreviewQuery,
        answers={200: PreviewAnswer},
    )
    async def preview_invoice(request: Request[NoBody, PreviewQuery]) -> Answer:
        asked, now = request.query.month, ports.clock.now()
        head = await read_head(ports.msps, request.caller.msp_id)
        msp = head.msp.value
        month = Month.parse(asked) if asked else Month.of(now, ZoneInfo(msp.time_zone))
        books = await read_inputs(ports.msps, ports.invoices, head)
        charges = to_date(books, month, now), projected(books, month, now)
        return Answer(200, PreviewAnswer.of(*charges, ports.seller, msp))


def _invoices(routes: Routes, ports: BillingPorts) -> None:
    @routes.route(
        "GET",
        "billing/invoices",
        Permission.BILLING_READ,
        query=ListQuery,
        answers={200: InvoiceList},
    )
    async def list_invoices_route(request: Request[NoBody, ListQuery]) -> Answer:
        query, msp, now = request.query, request.caller.msp, ports.clock.now()
        page = await list_invoices(ports, msp.msp_id, query.page_size, query.page_token)
        items = [
            InvoiceAnswer.of(invoice, lines, payment, status_of(payment, msp, now))
            for invoice, lines, payment in page.items
        ]
        return Answer(200, InvoiceList(items=items, next_link=request.next_link(page.next_token)))

    @routes.route(
        "GET",
        "billing/invoices/{number}",
        Permission.BILLING_READ,
        answers={200: InvoiceAnswer},
        errors=(404,),
    )
    async def get_invoice(request: Request[NoBody, NoQuery]) -> Answer:
        invoice, msp = await _named(ports, request), request.caller.msp
        lines, known = await asyncio.gather(
            ports.invoices.lines(invoice), ports.invoices.payment(msp.msp_id, invoice.number)
        )
        if known is None:
            raise InvoiceNotFound("No such invoice.")
        status = status_of(known.value, msp, ports.clock.now())
        return Answer(200, InvoiceAnswer.of(invoice, lines, known.value, status))


def _downloads(routes: Routes, ports: BillingPorts) -> None:
    @routes.route(
        "GET",
        "billing/invoices/{number}/pdf",
        Permission.BILLING_READ,
        answers={200: None},
        media="application/pdf",
        errors=(404,),
    )
    async def get_invoice_pdf(request: Request[NoBody, NoQuery]) -> Answer:
        invoice = await _named(ports, request)
        pdf = await stored_pdf(ports, invoice)
        return Answer(200, Content(pdf, "application/pdf", f"{invoice.name}.pdf"))

    @routes.route(
        "GET",
        "billing/invoices/{number}/csv",
        Permission.BILLING_READ,
        answers={200: None},
        media="text/csv",
        errors=(404,),
    )
    async def get_invoice_csv(request: Request[NoBody, NoQuery]) -> Answer:
        invoice = await _named(ports, request)
        table = line_table(invoice, await ports.invoices.lines(invoice))
        return Answer(200, Content(table, "text/csv", f"{invoice.name}.csv"))


def _issuing(blueprint: func.Blueprint, ports: BillingPorts) -> None:
    @blueprint.function_name("issue_invoices")
    @blueprint.timer_trigger("timer", "%INVOICE_SCHEDULE%")
    @traced
    async def issue_invoices_timer(timer: func.TimerRequest) -> None:  # noqa: ARG001  the binding's name
        await run_billing(ports, Cause(SYSTEM, ports.clock.now(), str(uuid4())))


async def _named(ports: BillingPorts, request: Request[NoBody, NoQuery]) -> Invoice:
    """Return the caller's own invoice that the path names.

    Raises:
        InvoiceNotFound: There is none, or the text is no number at all.
    """
    number = parse_invoice_name(request.path["number"])
    if number is None:
        raise InvoiceNotFound("No such invoice.")
    return await find_invoice(ports, request.caller.msp_id, number)
