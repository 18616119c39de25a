"""The functions of all areas: the app's table of contents."""

from datetime import timedelta

import azure.functions as func

from adapters.entra_keys import EntraKeys
from edge.authorization import Gate
from edge.paging import PageTokens
from edge.routes import Edge
from edge.system import system_functions
from edge.tokens import TokenVerifier
from wiring.billing import billing
from wiring.customers import audit, data_sets, gdap, portfolio, staff, synced_data, tenants
from wiring.manage import operations, users
from wiring.partner_tenant import consent, my_tenant
from wiring.services import Services
from wiring.workers import sync, work


def blueprints(services: Services) -> list[func.Blueprint]:
    """Return the functions of all areas, each bound to its ports."""
    edge = Edge(gate=gate(services), page_tokens=PageTokens(services.settings.page_token_key))
    areas = (
        consent,
        my_tenant,
        tenants,
        synced_data,
        data_sets,
        gdap,
        portfolio,
        billing,
        staff,
        audit,
        operations,
        users,
    )
    return [
        *(area(edge, services) for area in areas),
        sync(services),
        work(services),
        system_functions(edge, services.storage.probe),
    ]


def gate(services: Services) -> Gate:
    """Return the gate that admits staff."""
    settings, storage, clock = services.settings, services.storage, services.clock
    keys = EntraKeys(authority=settings.entra_authority, clock=clock)
    verifier = TokenVerifier(
        keys=keys, authority=settings.entra_authority, audience=settings.api_audience
    )
    remember = timedelta(seconds=settings.staff_cache_seconds)
    return Gate(
        verifier=verifier,
        index=storage.staff_index,
        msps=storage.msps,
        clock=clock,
        remember=remember,
    )
