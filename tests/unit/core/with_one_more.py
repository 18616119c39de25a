"""Adds a data set in one place, and checks that everything follows; run in a process of its own."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import core.data_sets

core.data_sets.__path__.append(str(Path(__file__).with_name("one_place")))

from adapters.graph.data_set_records import kind_of  # noqa: E402  after the addition
from adapters.graph.records import read_records  # noqa: E402
from adapters.tables.storage import NAMES  # noqa: E402
from core.graph_permissions import PERMISSION_IDS  # noqa: E402
from core.known_data_sets import DATA_SETS  # noqa: E402
from core.read_posture import PosturePorts, read_posture  # noqa: E402
from domain.ports.graph_reader import Records  # noqa: E402
from edge.models import ListQuery  # noqa: E402
from ops.app_manifest import app_manifest  # noqa: E402
from ops.backup.export import TABLES  # noqa: E402
from tenants.data_sets import DataSetsPorts, list_data_sets  # noqa: E402
from tests.fakes.sync_world import World  # noqa: E402


async def main() -> None:
    """Sync, list and purge the data set, and look for it in the manifest, backup and posture."""
    added = DATA_SETS["termsOfUse"]
    world = World()
    world.read_only(*DATA_SETS.values())
    answer = {"id": "t", "displayName": "Terms", "@odata.context": "x", "secret": "y"}
    read = read_records(kind_of(added), [answer])
    world.graph.small = {added.name: Records(read.records, read.unreadable)}
    state = await world.sync()
    assert state.data_set(added.name).count == 1

    ports = PosturePorts(
        sync_states=world.states, tenant_data=world.tenant_data, records=world.records
    )
    posture = await read_posture(ports, world.tenant.ref, world.clock.now(), [added])
    assert posture is not None
    assert posture[added] == ({"id": "t", "displayName": "Terms"},)

    routes = DataSetsPorts(world.store, world.states, DATA_SETS.values())
    request = SimpleNamespace(
        caller=SimpleNamespace(msp_id=world.tenant.msp_id),
        tenant_id=world.tenant.tenant_id,
        query=ListQuery.model_validate({"pageSize": "500"}),
    )
    page = await list_data_sets(routes, cast("Any", request))
    assert [one.count for one in page.items if one.name == added.name] == [1]

    access = app_manifest([])["requiredResourceAccess"][0]
    asked = {one["id"] for one in access["resourceAccess"]}
    assert set(PERMISSION_IDS["AccessReview.Read.All"]) <= asked

    # The data set is a row of this table, which is backed up and purged as a whole.
    assert "tenantData" in NAMES
    assert "tenantData" in TABLES
    assert await world.tenant_data.purge(world.tenant.ref, 1000) >= 1
    assert world.stored(added.name) == []


asyncio.run(main())
print("everything follows")
