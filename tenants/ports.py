"""What the tenant area needs from outside."""

from dataclasses import dataclass

from core.sync_requests import SyncRequests
from tenants.purge import PurgePorts


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPorts(PurgePorts):
    """What the tenant area needs from outside, the purge included."""

    sync_requests: SyncRequests
