"""Routes that show what is known of a tenant, and what can be done with it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from core.readiness import all_readiness
from domain.data_set import Cadence, DataSet
from domain.ports.msp_store import MspStore
from domain.ports.page import Page
from domain.ports.sync_states import SyncStates
from domain.roles import Permission
from domain.sync_state import DataSetState, ReadState, SyncState
from edge.lists import list_route, page_of
from edge.models import ApiModel, ListQuery, NoBody, Timestamp
from edge.path_tenant import tenant_of
from edge.readiness_answer import ReadinessAnswer
from edge.requests import StaffRequest
from edge.routes import RouteTable

type CadenceText = Literal["15m", "1h", "6h", "24h"]
_CADENCES: dict[Cadence, CadenceText] = {
    Cadence.QUARTER_HOURLY: "15m",
    Cadence.HOURLY: "1h",
    Cadence.REGULAR: "6h",
    Cadence.DAILY: "24h",
}


@dataclass(frozen=True, slots=True)
class DataSetsPorts:
    """The ports of the routes.

    Args:
        data_sets: All data sets.
    """

    msps: MspStore
    sync_states: SyncStates
    data_sets: Collection[DataSet]


class DataSetDetail(ApiModel):
    """The last read of a data set, and what is missing to read it.

    Of several roles or plans, any suffices.
    """

    name: str
    state: ReadState
    count: int | None
    synced_at: Timestamp | None
    tried_at: Timestamp | None
    cadence: CadenceText
    missing_permission: str | None
    missing_roles: list[str]
    missing_plans: list[str]
    error: str | None

    @classmethod
    def of(cls, data_set: DataSet, entry: DataSetState) -> "DataSetDetail":
        """Return a data set's answer."""
        return cls(
            name=data_set.name,
            state=entry.state,
            count=entry.count,
            synced_at=entry.synced_at,
            tried_at=entry.tried_at,
            cadence=_CADENCES[data_set.cadence],
            missing_permission=entry.missing_permission,
            missing_roles=list(entry.missing_roles),
            missing_plans=list(entry.missing_plans),
            error=entry.error,
        )


routes = RouteTable[DataSetsPorts]("data sets")


@list_route(routes, "tenants/{tenantId}/data-sets", Permission.TENANTS_READ, DataSetDetail)
async def list_data_sets(
    ports: DataSetsPorts, request: StaffRequest[NoBody, ListQuery]
) -> Page[DataSetDetail]:
    """List every data set of a tenant: its state, its age, and what is missing to read it."""
    state, _is_own = await _state(ports, request)
    details = {
        one.name: DataSetDetail.of(
            one, state.data_set(one.name) if state else DataSetState(one.name)
        )
        for one in ports.data_sets
    }
    return page_of(request.query, details)


@list_route(routes, "tenants/{tenantId}/capabilities", Permission.TENANTS_READ, ReadinessAnswer)
async def list_capabilities(
    ports: DataSetsPorts, request: StaffRequest[NoBody, ListQuery]
) -> Page[ReadinessAnswer]:
    """List what can be done with a tenant, and what each capability lacks there."""
    state, is_own = await _state(ports, request)
    found = all_readiness(state, is_own=is_own)
    return page_of(request.query, {one.name: ReadinessAnswer.of(one) for one in found})


async def _state(
    ports: DataSetsPorts, request: StaffRequest[NoBody, ListQuery]
) -> tuple[SyncState | None, bool]:
    tenant = (await tenant_of(ports.msps, request)).value
    known = await ports.sync_states.find(tenant.ref)
    return (known.value if known else None), tenant.is_own_msp_tenant
