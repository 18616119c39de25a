"""What is known of a tenant, and what can be done with it, as Microsoft's refusals tell."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.known_data_sets import DATA_SETS
from domain.data_set import Cadence
from tests.e2e.portal import CONTOSO, Portal, owner

OWN = CONTOSO.own.tenant_id

# Plans without which data sets do not exist, and which a tenant without any of them lacks.
PREMIUM = {"AAD_PREMIUM", "AAD_PREMIUM_P2", "INTUNE_A"}
OPTIONAL = {one.name for one in DATA_SETS.values() if not one.is_default}
# No account is declared whose sign-ins are to be read.
NOT_WATCHED = {"signIns"}
UNREAD = OPTIONAL | NOT_WATCHED
OPTIONAL_PERMISSIONS = sorted(
    name for one in DATA_SETS.values() if not one.is_default for name in one.permissions
)


@pytest.fixture
async def own(portal: Portal) -> AsyncIterator[Portal]:
    """The portal with an enabled partner tenant that permits what the app asks for by default."""
    await portal.tenant(CONTOSO, revokedPermissions=OPTIONAL_PERMISSIONS)
    await portal.enabled()
    yield portal
    await portal.tenant(CONTOSO, revokedPermissions=[])
    await portal.browser.control("PUT", f"/tenants/{OWN}", {"servicePlans": None})


async def data_sets(portal: Portal, tenant_id: str = OWN) -> dict[str, Any]:
    listed = await portal.call(owner(), "GET", f"/tenants/{tenant_id}/data-sets?pageSize=500")
    assert listed.status == 200, listed
    return {one["name"]: one for one in listed.body["items"]}


async def synced(portal: Portal, tenant_id: str = OWN) -> dict[str, Any]:
    """Sync on demand; return every data set."""
    reply = await portal.call(owner(), "POST", f"/tenants/{tenant_id}/sync")
    assert reply.status == 202, reply
    await portal.idle()
    return await data_sets(portal, tenant_id)


async def test_every_data_set_of_the_partner_tenant_is_known(own: Portal) -> None:
    found = await data_sets(own)
    assert found.keys() == DATA_SETS.keys()
    unread = {name: one for name, one in found.items() if one["state"] != "succeeded"}
    assert unread.keys() == OPTIONAL | NOT_WATCHED
    for name in OPTIONAL:
        one = unread[name]
        assert one["state"] == "not_authorised"
        assert one["missingPermission"] in DATA_SETS[name].permissions
    assert found["users"]["count"] == 120
    assert found["users"]["cadence"] == "6h"


async def test_what_can_be_done_is_told_with_what_is_missing(own: Portal) -> None:
    listed = await own.call(owner(), "GET", f"/tenants/{OWN}/capabilities")
    states = {one["name"]: one["state"] for one in listed.body["items"]}
    assert states["reading"] == "ready"
    assert states["extended-reading"] == "consent_required"
    mine = await own.call(owner(), "GET", "/my-tenant")
    shown = {one["name"]: one for one in mine.body["capabilities"]}
    assert {name: one["state"] for name, one in shown.items()} == states
    assert "AccessReview.Read.All" in shown["extended-reading"]["missing"]


async def test_each_permission_that_is_revoked_marks_its_data_sets_and_no_other(
    own: Portal,
) -> None:
    asked = {name for one in DATA_SETS.values() if one.is_default for name in one.permissions}
    for permission in sorted(asked):
        await own.tenant(CONTOSO, revokedPermissions=[*OPTIONAL_PERMISSIONS, permission])
        found = await synced(own)
        # A sync on demand reads no daily data set that was read, and no sign-ins of nobody.
        concerned = {
            one.name
            for one in DATA_SETS.values()
            if permission in one.permissions and one.cadence is not Cadence.DAILY
        } - {"signIns"}
        refused = {name for name, one in found.items() if one["state"] == "not_authorised"}
        assert concerned - OPTIONAL <= refused, permission
        for name in concerned - OPTIONAL:
            assert found[name]["missingPermission"] == permission, (name, found[name])
        failed = {name for name, one in found.items() if one["state"] == "failed"}
        assert failed <= {"roleGroupMembers"}, (permission, failed)
    await own.tenant(CONTOSO, revokedPermissions=OPTIONAL_PERMISSIONS)
    found = await synced(own)
    assert {name for name, one in found.items() if one["state"] != "succeeded"} == UNREAD


async def test_a_tenant_without_premium_plans_says_so_and_has_them_at_once_when_bought(
    own: Portal,
) -> None:
    await own.browser.control("PUT", f"/tenants/{OWN}", {"servicePlans": []})
    await own.call(owner(), "POST", "/my-tenant/disable")
    await own.idle()
    await own.enabled()
    found = await data_sets(own)
    for one in DATA_SETS.values():
        if set(one.plans) & PREMIUM and one.is_default:
            assert found[one.name]["state"] == "not_licensed", found[one.name]
            assert found[one.name]["missingPlans"] == list(one.plans)
    await own.browser.control("PUT", f"/tenants/{OWN}", {"servicePlans": None})
    found = await synced(own)
    assert {name for name, one in found.items() if one["state"] != "succeeded"} == UNREAD
