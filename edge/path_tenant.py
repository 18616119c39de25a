"""The tenant that a request's path names."""

from typing import Any

from domain.errors import TenantNotFound
from domain.ports.msp_store import MspStore
from domain.row_changes import Versioned
from domain.tenant import Tenant
from edge.requests import StaffRequest


async def tenant_of(msps: MspStore, request: StaffRequest[Any, Any]) -> Versioned[Tenant]:
    """Return the tenant of the caller's MSP that the path names.

    Raises:
        TenantNotFound: The caller's MSP has no tenant with this ID.
    """
    known = await msps.find(Tenant, request.caller.msp_id, request.tenant_id)
    if known is None:
        raise TenantNotFound("No such tenant.")
    return known
