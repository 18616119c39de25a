"""The simulated Graph limits requests if a tenant has limits."""

from local.microsoft import pacing
from tests.unit.local.graph_caller import Caller, app_only

ACCESS, AUDITS = "/identity/conditionalAccess/policies", "/auditLogs/directoryAudits"
RISKY = "/identityProtection/riskyUsers"


async def statuses(caller: Caller, *paths: str) -> list[int]:
    return [(await caller("GET", path)).status for path in paths]


async def test_nothing_is_limited_unless_a_tenant_has_limits() -> None:
    assert await statuses(app_only(), *[ACCESS] * 4) == [200] * 4


async def test_conditional_access_and_identity_protection_share_one_request_a_second() -> None:
    caller = app_only()
    caller.tenant.paces = True
    assert await statuses(caller, ACCESS, RISKY, ACCESS) == [200, 429, 429]
    refused = await caller("GET", ACCESS)
    assert "Retry-After" not in refused.headers
    assert refused.body["error"]["code"] == "TooManyRequests"
    for times in caller.tenant.served.values():
        times[:] = [moment - 1 for moment in times]
    assert await statuses(caller, ACCESS) == [200]


async def test_audit_logs_say_when_to_try_again() -> None:
    caller = app_only()
    caller.tenant.paces = True
    assert await statuses(caller, *[AUDITS] * 6) == [200] * 5 + [429]
    refused = await caller("GET", AUDITS)
    assert 1 <= int(refused.headers["Retry-After"]) <= 10


def test_each_app_has_its_own_limit_where_microsoft_counts_by_app() -> None:
    tenant = app_only().tenant
    tenant.paces = True
    for app_id in ("a", "b"):
        for _ in range(5):
            pacing.pace(tenant, app_id, AUDITS.strip("/"))
