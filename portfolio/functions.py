"""Routes of the portfolio: search over all users, and the wallboard."""

import asyncio

import azure.functions as func

from domain.ports.portfolio_reader import PortfolioReader
from domain.roles import Permission
from edge.answers import Answer
from edge.models import NoBody
from edge.requests import Request
from edge.routes import Edge, Routes
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


def portfolio_functions(edge: Edge, reader: PortfolioReader, users: CachedUsers) -> func.Blueprint:
    """Return the area's functions."""
    routes = edge.routes("portfolio")
    _users(routes, reader, users)
    _summary(routes, reader)
    return routes.blueprint


def _users(routes: Routes, reader: PortfolioReader, users: CachedUsers) -> None:
    @routes.route(
        "GET",
        "portfolio/users",
        Permission.USERS_READ,
        query=UserSearch,
        answers={200: PortfolioUsersAnswer},
    )
    async def search_portfolio_users(request: Request[NoBody, UserSearch]) -> Answer:
        msp_id = request.caller.msp_id
        result = await search_users(reader, users, msp_id, request.query.search)
        items = [PortfolioUserAnswer.of(found) for found in result.found]
        failed = [PortfolioTenantAnswer.of(tenant) for tenant in result.failed]
        return Answer(200, PortfolioUsersAnswer(items=items, failed_tenants=failed))


def _summary(routes: Routes, reader: PortfolioReader) -> None:
    @routes.route(
        "GET",
        "portfolio/summary",
        Permission.TENANTS_READ,
        query=SummaryQuery,
        answers={200: PortfolioSummaryAnswer},
    )
    async def get_portfolio_summary(request: Request[NoBody, SummaryQuery]) -> Answer:
        msp_id = request.caller.msp_id
        tenants, summaries = await asyncio.gather(reader.tenants(msp_id), reader.summaries(msp_id))
        summary = summarise(tenants, summaries, request.query.scope)
        return Answer(200, PortfolioSummaryAnswer.of(summary))
