"""Changes of tenants: the operations, their ledger, and the areas that ask for them."""

import azure.functions as func

from adapters.graph.directory import GraphDirectory
from adapters.graph.writer import GraphTenantWriter
from adapters.tenant_access import TokenTenantAccess
from core.operations.ports import OperationPorts
from core.stored_users import StoredUserUpdates
from edge.routes import Edge
from manage.operations.functions import operation_functions
from manage.users.functions import KINDS as USER_KINDS
from manage.users.functions import routes as user_routes
from wiring.services import Services


def operations(edge: Edge, services: Services) -> func.Blueprint:
    """Return the functions of the ledger, and the queue that continues operations."""
    return operation_functions(edge, operation_ports(services))


def users(edge: Edge, services: Services) -> func.Blueprint:
    """Return the functions that change users."""
    return user_routes.bind(edge, operation_ports(services))


def operation_ports(services: Services) -> OperationPorts:
    """Return the ports of operations."""
    storage, tokens, graph = services.storage, services.tokens, services.graph
    return OperationPorts(
        msps=storage.msps,
        pending_work=storage.pending_work,
        queues=services.queues,
        clock=services.clock,
        writer=GraphTenantWriter(tokens=tokens, graph=graph),
        directory=GraphDirectory(tokens=tokens, graph=graph),
        access=TokenTenantAccess(tokens),
        stored_users=StoredUserUpdates(
            users=storage.stored_users, index=storage.user_index, states=storage.sync_states
        ),
        kinds=USER_KINDS,
    )
