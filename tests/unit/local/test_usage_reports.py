"""The simulated Graph's reports: redirects, and CSV as Microsoft has it."""

import csv
import io
import re

import pytest

from local.microsoft.products import COPILOT
from tests.unit.local.graph_caller import Caller, app_only, delegated

ACTIVE = "/reports/getOffice365ActiveUserDetail"
APPS = "/reports/getM365AppUserDetail"
COPILOT_USE = "/copilot/reports/getMicrosoft365CopilotUsageUserDetail"


async def rows(caller: Caller, path: str) -> list[dict[str, str]]:
    answer = await caller("GET", f"{path}(period='D30')")
    assert (answer.status, answer.body) == (302, None)
    key = answer.headers["Location"].rpartition("/")[2]
    _, data = caller.microsoft.downloads._waiting[key]
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


@pytest.mark.parametrize("path", [ACTIVE, APPS])
async def test_reports_list_people_and_a_column_that_nobody_knows(path: str) -> None:
    found = await rows(app_only(), path)
    assert len(found) > 20
    assert {"Report Refresh Date", "User Principal Name", "Added Later"} <= found[0].keys()
    assert any("@" in row["User Principal Name"] for row in found)


async def test_names_are_concealed_if_the_tenant_wants_it() -> None:
    caller = app_only()
    settings = {"id": "", "displayConcealedNames": True}
    caller.tenant.objects.put("admin/reportSettings", settings)
    for row in await rows(caller, ACTIVE):
        assert re.fullmatch("[0-9A-F]{32}", row["User Principal Name"])
        assert re.fullmatch("[0-9A-F]{32}", row["Display Name"])


async def test_only_people_with_copilot_are_in_its_report() -> None:
    caller = app_only()
    assert await rows(caller, COPILOT_USE) == []
    licences = [{"skuId": COPILOT, "disabledPlans": []}]
    caller.tenant.directory.edit(3, {"assignedLicenses": licences})
    (row,) = await rows(caller, COPILOT_USE)
    assert row["User Principal Name"] == caller.tenant.directory.user(3)["userPrincipalName"]


@pytest.mark.parametrize("period", ["D31", "30", ""])
async def test_a_period_that_does_not_exist_is_refused(period: str) -> None:
    answer = await app_only()("GET", f"{ACTIVE}(period='{period}')")
    assert (answer.status, answer.body["error"]["code"]) == (400, "InvalidArgument")


async def test_a_report_that_does_not_exist_is_refused() -> None:
    assert (await app_only()("GET", "/reports/getNothing(period='D30')")).status == 400


async def test_a_role_that_reads_no_reports_is_refused() -> None:
    caller = delegated(roles=("User Administrator",))
    assert (await caller("GET", f"{ACTIVE}(period='D30')")).status == 403
