"""The catalogue of data sets and the simulated Graph agree on who may read what.

Both lists are written by hand, each from Microsoft's documentation.
"""

from urllib.parse import quote

import pytest

from core.known_data_sets import DATA_SETS
from domain.data_set import DataSet, Users
from local.microsoft.answers import GraphAnswer
from local.microsoft.topics.role_holders import role_group
from tests.unit.local.graph_caller import Caller, app_only, delegated

SETS = pytest.mark.parametrize("data_set", DATA_SETS.values(), ids=lambda one: one.name)


async def read(caller: Caller, data_set: DataSet) -> GraphAnswer:
    path = data_set.path.replace("{since}", "2020-01-01T00:00:00Z")
    path = path.replace("{accounts}", "userId eq 'a'").replace("{id}", role_group(caller.tenant))
    if isinstance(data_set.shape, Users):
        path += "?$select=id,accountEnabled"
    return await caller("GET", quote(path, safe="/?&=$,()'"), version=data_set.version)


@SETS
async def test_its_permissions_are_enough_and_each_is_needed(data_set: DataSet) -> None:
    caller = app_only(*data_set.permissions)
    assert (await read(caller, data_set)).status in (200, 302)
    for permission in data_set.permissions:
        caller.tenant.revoked = {permission}
        assert (await read(caller, data_set)).status == 403


@SETS
async def test_each_of_its_roles_may_read_it(data_set: DataSet) -> None:
    for role in data_set.roles:
        caller = delegated(*data_set.permissions, roles=(role,))
        assert (await read(caller, data_set)).status in (200, 302), role


@SETS
async def test_each_of_its_plans_is_enough_and_one_is_needed(data_set: DataSet) -> None:
    caller = app_only(*data_set.permissions)
    for plan in data_set.plans:
        caller.tenant.service_plans = frozenset({plan})
        assert (await read(caller, data_set)).status in (200, 302), plan
    caller.tenant.service_plans = frozenset()
    assert ((await read(caller, data_set)).status >= 400) == bool(data_set.plans)
