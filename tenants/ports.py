"""The ports of the tenant area."""

from dataclasses import dataclass

from core.sync_requests import SyncRequests
from tenants.purge import PurgePorts


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPorts(PurgePorts):
    """The ports of the tenant area, including those of the purge."""

    sync_requests: SyncRequests
