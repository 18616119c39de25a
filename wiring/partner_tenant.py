"""The MSP's own tenant: consent and /my-tenant."""

import azure.functions as func

from adapters.graph.identity import GraphIdentity
from consent.functions import ConsentSite, consent_functions
from consent.ports import ConsentPorts
from consent.start_session import ConsentLink
from edge.routes import Edge
from mytenant.functions import MyTenantPorts
from mytenant.functions import routes as my_tenant_routes
from wiring.services import Services


def consent(edge: Edge, services: Services) -> func.Blueprint:
    """Return the functions for admin consent."""
    settings, storage = services.settings, services.storage
    ports = ConsentPorts(
        msps=storage.msps,
        sessions=storage.consent_sessions,
        sync_requests=services.sync_requests,
        pending_work=storage.pending_work,
        queues=services.queues,
        identity=GraphIdentity(tokens=services.tokens, graph=services.graph),
        clock=services.clock,
        consents=services.customer_consents,
    )
    site = ConsentSite(
        ports=ports,
        link=ConsentLink(
            authority=settings.entra_authority,
            redirect_uri=settings.consent_redirect_uri,
            graph=settings.graph_endpoint,
        ),
        portal_url=settings.portal_url.rstrip("/"),
    )
    return consent_functions(edge, site)


def my_tenant(edge: Edge, services: Services) -> func.Blueprint:
    """Return the functions for the partner tenant."""
    storage = services.storage
    ports = MyTenantPorts(
        msps=storage.msps,
        pending_work=storage.pending_work,
        queues=services.queues,
        sync_states=storage.sync_states,
        sync_requests=services.sync_requests,
        identity=GraphIdentity(tokens=services.tokens, graph=services.graph),
        clock=services.clock,
        credentials=services.tokens.credentials,
    )
    return my_tenant_routes.bind(edge, ports)
