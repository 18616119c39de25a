"""Routes of billing."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import azure.functions as func
from pydantic import Field

from billing.calculation import Charge, calculate
from billing.proration import Month
from domain.msp import Msp, Tier
from domain.ports import Clock, MspStore
from domain.roles import Permission
from edge.models import ApiModel, NoBody, RequestModel
from edge.requests import Request
from edge.routes import Answer, Edge


class PreviewQuery(RequestModel):
    """The month to preview; the present one in the MSP's time zone by default."""

    month: str | None = Field(None, max_length=7)


class LineAnswer(ApiModel):
    """One tenant's line."""

    tenant_id: str
    tenant_name: str
    active_days: int
    days_in_month: int
    amount: str


class PartyAnswer(ApiModel):
    """Seller or buyer."""

    name: str
    abn: str | None


class PreviewAnswer(ApiModel):
    """The invoice as it would be now: without number, date of issue or status."""

    month: str
    currency: str = "AUD"
    tier: Tier
    unit_price: str
    billed_tenants: int
    lines: list[LineAnswer]
    subtotal: str
    gst: str
    total: str
    seller: PartyAnswer
    buyer: PartyAnswer

    @classmethod
    def of(cls, charge: Charge, seller: PartyAnswer, msp: Msp) -> "PreviewAnswer":
        """Show a charge."""
        return cls(
            month=str(charge.month),
            tier=charge.tier,
            unit_price=str(charge.unit_price),
            billed_tenants=len(charge.lines),
            lines=[
                LineAnswer(
                    tenant_id=line.tenant_id,
                    tenant_name=line.tenant_name,
                    active_days=line.active_days,
                    days_in_month=line.days_in_month,
                    amount=str(line.amount),
                )
                for line in charge.lines
            ],
            subtotal=str(charge.subtotal),
            gst=str(charge.gst),
            total=str(charge.total),
            seller=seller,
            buyer=PartyAnswer(name=msp.name, abn=msp.abn),
        )


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sends the invoices."""

    name: str
    abn: str


def billing_functions(edge: Edge, msps: MspStore, clock: Clock, seller: Seller) -> func.Blueprint:
    """Return the area's functions."""
    routes = edge.routes("billing")

    @routes.route(
        "GET",
        "billing/preview",
        Permission.BILLING_READ,
        query=PreviewQuery,
        answers={200: PreviewAnswer},
    )
    async def preview_invoice(request: Request[NoBody, PreviewQuery]) -> Answer:
        caller, now = request.caller, clock.now()
        asked = request.query.month
        month = Month.parse(asked) if asked else Month.of(now, ZoneInfo(caller.msp.time_zone))
        head = await msps.head(caller.msp_id)
        partner = head.slot.value.tenant_id if head and head.slot else None
        usage = await msps.usage(caller.msp_id)
        charge = calculate(caller.msp, usage, partner, month, now)
        party = PartyAnswer(name=seller.name, abn=seller.abn or None)
        return Answer(200, PreviewAnswer.of(charge, party, caller.msp))

    return routes.blueprint
