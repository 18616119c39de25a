"""The MSP's tenants, and the MSP itself: lists, GDAP, portfolio, staff and audit log."""

from datetime import timedelta

import azure.functions as func

from adapters.graph.gdap import GraphGdap
from audit.functions import routes as audit_routes
from core.known_data_sets import DATA_SETS
from edge.routes import Edge
from gdap.functions import gdap_functions
from gdap.ports import GdapPorts
from portfolio.functions import PortfolioPorts
from portfolio.functions import routes as portfolio_routes
from portfolio.user_search_cache import CachedUsers
from staff.functions import StaffPorts
from staff.functions import routes as staff_routes
from tenants.data_sets import DataSetsPorts
from tenants.data_sets import routes as data_sets_routes
from tenants.functions import tenant_functions
from tenants.ports import TenantPorts
from tenants.synced_data import SyncedDataPorts
from tenants.synced_data import routes as synced_data_routes
from wiring.services import Services


def tenants(edge: Edge, services: Services) -> func.Blueprint:
    """Return the functions for tenants, and the queue that purges removed ones."""
    storage = services.storage
    ports = TenantPorts(
        msps=storage.msps,
        pending_work=storage.pending_work,
        queues=services.queues,
        sync_states=storage.sync_states,
        records=storage.records,
        tenant_data=storage.tenant_data,
        clock=services.clock,
        user_index=storage.user_index,
        whole_reads=storage.whole_reads,
        sync_requests=services.sync_requests,
    )
    return tenant_functions(edge, ports)


def synced_data(edge: Edge, services: Services) -> func.Blueprint:
    """Return the functions that read a tenant's synced data."""
    storage = services.storage
    ports = SyncedDataPorts(
        msps=storage.msps, records=storage.records, tenant_data=storage.tenant_data
    )
    return synced_data_routes.bind(edge, ports)


def data_sets(edge: Edge, services: Services) -> func.Blueprint:
    """Return the functions that show what is known of a tenant."""
    storage = services.storage
    ports = DataSetsPorts(
        msps=storage.msps, sync_states=storage.sync_states, data_sets=DATA_SETS.values()
    )
    return data_sets_routes.bind(edge, ports)


def gdap(edge: Edge, services: Services) -> func.Blueprint:
    """Return the functions for GDAP relationships with customers."""
    ports = GdapPorts(
        msps=services.storage.msps,
        gdap=GraphGdap(tokens=services.tokens, graph=services.graph),
        sync_requests=services.sync_requests,
        clock=services.clock,
        consents=services.customer_consents,
        pending_work=services.storage.pending_work,
    )
    return gdap_functions(edge, ports)


def portfolio(edge: Edge, services: Services) -> func.Blueprint:
    """Return the functions for search and figures across all tenants."""
    storage = services.storage
    users = CachedUsers(
        index=storage.user_index,
        reader=storage.portfolio,
        clock=services.clock,
        age=timedelta(seconds=services.settings.search_cache_seconds),
    )
    return portfolio_routes.bind(edge, PortfolioPorts(reader=storage.portfolio, users=users))


def staff(edge: Edge, services: Services) -> func.Blueprint:
    """Return the functions for the MSP's staff."""
    storage = services.storage
    ports = StaffPorts(msps=storage.msps, index=storage.staff_index, clock=services.clock)
    return staff_routes.bind(edge, ports)


def audit(edge: Edge, services: Services) -> func.Blueprint:
    """Return the functions for the audit log."""
    return audit_routes.bind(edge, services.storage.msps)
