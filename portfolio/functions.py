"""Routes of the portfolio: search over all users, and the wallboard."""

import asyncio
from dataclasses import dataclass

from domain.ports.portfolio_reader import PortfolioReader
from domain.roles import Permission
from edge.answers import Answer
from edge.models import NoBody
from edge.requests import StaffRequest
from edge.routes import RouteTable
from portfolio.requests import (
    PortfolioSummaryAnswer,
    PortfolioTenantAnswer,
    PortfolioUserAnswer,
    PortfolioUsersAnswer,
    SummaryQuery,
    UserSearch,
)
from portfolio.search_users import search_users
from portfolio.summary import summarise
from portfolio.user_search_cache import CachedUsers


@dataclass(frozen=True, slots=True)
class PortfolioPorts:
    """The ports of the area."""

    reader: PortfolioReader
    users: CachedUsers


routes = RouteTable[PortfolioPorts]("portfolio")


@routes.route(
    "GET",
    "portfolio/users",
    Permission.USERS_READ,
    query=UserSearch,
    answers={200: PortfolioUsersAnswer},
)
async def search_portfolio_users(
    ports: PortfolioPorts, request: StaffRequest[NoBody, UserSearch]
) -> Answer:
    """Search the users of all tenants."""
    msp_id = request.caller.msp_id
    result = await search_users(ports.reader, ports.users, msp_id, request.query.search)
    items = [PortfolioUserAnswer.of(found) for found in result.found]
    failed = [PortfolioTenantAnswer.of(tenant) for tenant in result.failed]
    return Answer(200, PortfolioUsersAnswer(items=items, failed_tenants=failed))


@routes.route(
    "GET",
    "portfolio/summary",
    Permission.TENANTS_READ,
    query=SummaryQuery,
    answers={200: PortfolioSummaryAnswer},
)
async def get_portfolio_summary(
    ports: PortfolioPorts, request: StaffRequest[NoBody, SummaryQuery]
) -> Answer:
    """Return the figures of all tenants."""
    msp_id, reader = request.caller.msp_id, ports.reader
    tenants, summaries = await asyncio.gather(reader.tenants(msp_id), reader.summaries(msp_id))
    summary = summarise(tenants, summaries, request.query.scope)
    return Answer(200, PortfolioSummaryAnswer.of(summary))
