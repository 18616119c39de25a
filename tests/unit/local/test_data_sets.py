"""The simulated Graph answers every read of a data set, and refuses what Microsoft refuses."""

from typing import Any
from urllib.parse import quote

import pytest

from local.microsoft.answers import GraphAnswer
from local.microsoft.resources import BETA, V1
from local.microsoft.tenant import PROFILES
from local.microsoft.topics.role_holders import role_group
from tests.unit.local.graph_caller import CUSTOMER, OWN, Caller, app_only, delegated

P1 = (403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant")
P2 = (400, "AadPremiumLicenseRequired")
INTUNE = (400, "BadRequest")
SINCE = "2020-01-01T00:00:00Z"
SETTINGS_CATALOGUE = "/deviceManagement/configurationPolicies?$expand=settings,assignments"
# Request, permission, and the refusal of a tenant without any service plan.
READS: tuple[tuple[str, str, tuple[int, str] | None], ...] = (
    ("/users?$select=id,accountEnabled,assignedPlans&$top=999", "User.Read.All", None),
    ("/users?$select=id,signInActivity&$top=500", "AuditLog.Read.All", P1),
    ("/subscribedSkus", "LicenseAssignment.Read.All", None),
    ("/security/secureScores?$top=90", "SecurityEvents.Read.All", None),
    ("/identity/conditionalAccess/policies", "Policy.Read.All", None),
    ("/identity/conditionalAccess/namedLocations", "Policy.Read.All", None),
    ("/policies/authenticationStrengthPolicies", "Policy.Read.All", None),
    ("/organization?$select=id,onPremisesSyncEnabled,assignedPlans", "Organization.Read.All", None),
    (
        "beta/organization?$select=id,onPremisesLastPasswordSyncDateTime",
        "Organization.Read.All",
        None,
    ),
    ("/domains", "Domain.Read.All", None),
    ("/policies/identitySecurityDefaultsEnforcementPolicy", "Policy.Read.All", None),
    ("/policies/authorizationPolicy", "Policy.Read.All", None),
    ("/policies/authenticationMethodsPolicy", "Policy.Read.All", None),
    ("beta/policies/authenticationMethodsPolicy", "Policy.Read.All", None),
    ("/policies/adminConsentRequestPolicy", "Policy.Read.All", None),
    ("/policies/defaultAppManagementPolicy", "Policy.Read.All", None),
    ("/policies/deviceRegistrationPolicy", "Policy.Read.DeviceConfiguration", None),
    ("/policies/crossTenantAccessPolicy/default", "Policy.Read.All", None),
    ("/policies/activityBasedTimeoutPolicies", "Policy.Read.All", None),
    ("beta/policies/b2bManagementPolicies", "Policy.Read.B2BManagementPolicy", None),
    ("beta/legacy/policies", "Policy.Read.All", None),
    ("/groupSettings", "GroupSettings.Read.All", None),
    ("/admin/sharepoint/settings", "SharePointTenantSettings.Read.All", (400, "BadRequest")),
    ("/admin/reportSettings", "ReportSettings.Read.All", None),
    ("beta/admin/forms/settings", "OrgSettings-Forms.Read.All", (403, "Forbidden")),
    ("beta/admin/appsAndServices/settings", "OrgSettings-AppsAndServices.Read.All", None),
    (
        "/roleManagement/directory/roleAssignments?$expand=principal",
        "RoleManagement.Read.Directory",
        None,
    ),
    (
        "/roleManagement/directory/roleEligibilityScheduleInstances?$expand=principal",
        "RoleManagement.Read.Directory",
        P2,
    ),
    (
        "/roleManagement/directory/roleAssignmentScheduleInstances?$expand=principal",
        "RoleManagement.Read.Directory",
        P2,
    ),
    (
        (
            "/policies/roleManagementPolicyAssignments?$filter=scopeId eq '/' and"
            " scopeType eq 'DirectoryRole'&$expand=policy($expand=rules)"
        ),
        "RoleManagement.Read.Directory",
        P2,
    ),
    (
        "beta/roleManagement/directory/roleDefinitions?$select=id,isPrivileged",
        "RoleManagement.Read.Directory",
        None,
    ),
    ("/reports/authenticationMethods/userRegistrationDetails", "AuditLog.Read.All", P1),
    ("/applications?$select=id,passwordCredentials&$top=999", "Application.Read.All", None),
    (
        "/servicePrincipals?$filter=appId eq 'c1f33bc0-bdb4-4248-ba9b-096807ddb43e'&$select=id",
        "Application.Read.All",
        None,
    ),
    ("/identityGovernance/accessReviews/definitions", "AccessReview.Read.All", P2),
    ("/groups?$select=id,displayName,visibility&$top=999", "GroupMember.Read.All", None),
    ("/directory/subscriptions", "Organization.Read.All", None),
    (
        "/deviceManagement/managedDevices?$select=id,complianceState&$top=1000",
        "DeviceManagementManagedDevices.Read.All",
        INTUNE,
    ),
    ("/deviceManagement?$select=settings", "DeviceManagementConfiguration.Read.All", INTUNE),
    (
        "/deviceManagement/deviceCompliancePolicies?$expand=assignments",
        "DeviceManagementConfiguration.Read.All",
        INTUNE,
    ),
    (
        "/deviceManagement/deviceConfigurations?$expand=assignments",
        "DeviceManagementConfiguration.Read.All",
        INTUNE,
    ),
    (f"beta{SETTINGS_CATALOGUE}", "DeviceManagementConfiguration.Read.All", INTUNE),
    (
        "/deviceManagement/deviceEnrollmentConfigurations",
        "DeviceManagementConfiguration.Read.All",
        INTUNE,
    ),
    (
        f"/security/incidents?$filter=lastUpdateDateTime ge {SINCE}&$top=50",
        "SecurityIncident.Read.All",
        (403, "Forbidden"),
    ),
    (
        f"/security/alerts_v2?$filter=lastUpdateDateTime ge {SINCE}",
        "SecurityAlert.Read.All",
        None,
    ),
    (
        (
            "/identityProtection/riskyUsers?$filter=riskState eq 'atRisk' or"
            " riskState eq 'confirmedCompromised'"
        ),
        "IdentityRiskyUser.Read.All",
        (403, "Forbidden"),
    ),
    (
        "/admin/serviceAnnouncement/issues?$filter=isResolved eq false",
        "ServiceHealth.Read.All",
        None,
    ),
    ("/security/secureScoreControlProfiles", "SecurityEvents.Read.All", None),
    ("/reports/getM365AppUserDetail(period='D30')", "Reports.Read.All", None),
    ("/reports/getOffice365ActiveUserDetail(period='D30')", "Reports.Read.All", None),
    (
        "/copilot/reports/getMicrosoft365CopilotUsageUserDetail(period='D30')",
        "Reports.Read.All",
        None,
    ),
    (
        f"/auditLogs/directoryAudits?$filter=activityDateTime ge {SINCE}&$orderby=activityDateTime",
        "AuditLog.Read.All",
        None,
    ),
    (
        (
            f"/auditLogs/signIns?$filter=createdDateTime ge {SINCE}"
            " and (userId eq 'a' or userId eq 'b')"
        ),
        "AuditLog.Read.All",
        P1,
    ),
)
MEMBERS = "/groups/{}/transitiveMembers/microsoft.graph.user?$select=id,accountEnabled"


async def get(caller: Caller, request: str, prefer: str = "") -> GraphAnswer:
    version, _, path = request.partition("/")
    url = f"/{path.partition('?')[0]}"
    if "?" in path:
        url += "?" + "&".join(
            f"{name}={quote(value)}"
            for name, _, value in (o.partition("=") for o in path.partition("?")[2].split("&"))
        )
    return await caller("GET", url, prefer=prefer, version=version or V1)


def code(answer: GraphAnswer) -> tuple[int, str | None]:
    return answer.status, answer.body["error"]["code"] if answer.status >= 400 else None


def test_every_data_set_is_in_the_list() -> None:
    assert len(READS) + 1 == 54  # with the members of groups


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("caller_of", [app_only, delegated])
async def test_every_data_set_is_answered(caller_of: Any, profile: str) -> None:
    caller = caller_of()
    caller.tenant.profile = profile
    members = MEMBERS.format(role_group(caller.tenant))
    for request in (*(read for read, *_ in READS), members):
        assert (await get(caller, request)).status in (200, 302), request


@pytest.mark.parametrize(("request_", "permission", "_refusal"), READS)
async def test_each_needs_its_permission(request_: str, permission: str, _refusal: Any) -> None:
    caller = app_only()
    caller.tenant.revoked = {permission}
    assert (await get(caller, request_)).status == 403


@pytest.mark.parametrize(("request_", "_permission", "refusal"), READS)
async def test_a_tenant_without_plans_is_refused_as_microsoft_does(
    request_: str, _permission: str, refusal: tuple[int, str] | None
) -> None:
    caller = app_only()
    caller.tenant.service_plans = frozenset()
    answer = await get(caller, request_)
    assert code(answer) == refusal if refusal else answer.status in (200, 302)


@pytest.mark.parametrize(("request_", "_permission", "_refusal"), READS)
async def test_a_role_that_reads_nothing_is_refused(
    request_: str, _permission: str, _refusal: Any
) -> None:
    caller = delegated(roles=("Helpdesk Administrator",))
    expected = 200 if request_.removeprefix("beta").startswith("/organization") else 403
    assert (await get(caller, request_)).status == expected


async def test_incidents_of_an_unlicensed_tenant_may_be_an_empty_list() -> None:
    caller = app_only()
    caller.tenant.service_plans, caller.tenant.unlicensed_is_empty = frozenset(), True
    assert (await get(caller, "/security/incidents")).body == {"value": []}


async def test_plans_agree_everywhere() -> None:
    caller = app_only()
    caller.tenant.service_plans = frozenset({"AAD_PREMIUM", "EXCHANGE_S_STANDARD"})
    skus = (await get(caller, "/subscribedSkus")).body["value"]
    named = {plan["servicePlanId"] for sku in skus for plan in sku["servicePlans"]}
    (organization,) = (await get(caller, "/organization")).body["value"]
    assert {plan["servicePlanId"] for plan in organization["assignedPlans"]} == named
    assert len(named) == 2
    users = (await get(caller, "/users?$select=assignedPlans")).body["value"]
    assert {p["servicePlanId"] for user in users for p in user["assignedPlans"]} <= named


async def test_lists_come_in_pages_that_keep_their_options() -> None:
    caller = app_only()
    link: str | None = "/deviceManagement/managedDevices?$top=7&$select=id"
    seen: list[str] = []
    while link:
        page = (await caller("GET", link)).body
        assert all(set(device) == {"id"} for device in page["value"])
        seen += [device["id"] for device in page["value"]]
        link = page.get("@odata.nextLink")
    assert len(set(seen)) == len(seen) == 40


async def test_more_incidents_than_fit_on_a_page_are_refused() -> None:
    answer = await get(app_only(), "/security/incidents?$top=51")
    assert code(answer) == (400, "BadRequest")


async def test_incidents_are_newest_first_and_have_alerts_only_when_expanded() -> None:
    caller = app_only()
    plain = (await get(caller, "/security/incidents")).body["value"]
    times = [incident["createdDateTime"] for incident in plain]
    assert times == sorted(times, reverse=True)
    assert "alerts" not in plain[0]
    expanded = (await get(caller, "/security/incidents?$expand=alerts")).body["value"]
    assert expanded[0]["alerts"][0]["incidentId"] == expanded[0]["id"]


async def test_time_filters_leave_out_what_is_older() -> None:
    caller = app_only()
    every = (await get(caller, "/auditLogs/directoryAudits")).body["value"]
    moment = every[3]["activityDateTime"]
    request = f"/auditLogs/directoryAudits?$filter=activityDateTime ge {moment}"
    assert (await get(caller, request)).body["value"] == every[:4]


async def test_query_options_that_do_not_exist_are_refused() -> None:
    caller = app_only()
    odd = ("/subscribedSkus?$filter=skuId eq 'x'", "/groups?$sort=id", "/groups?$top=x")
    for request in (*odd, "/users?$top=0"):
        assert code(await get(caller, request))[0] == 400
    assert code(await get(caller, "/users?$select=id,shoeSize")) == (400, "BadRequest")


async def test_group_members_are_the_users_that_inherit_the_role() -> None:
    caller = app_only()
    answer = await get(caller, MEMBERS.format(role_group(caller.tenant)))
    assert len(answer.body["value"]) == 2
    assert (await get(caller, MEMBERS.format("nobody"))).status == 404


async def test_a_neglected_tenant_has_what_a_hardened_one_lacks() -> None:
    caller = app_only()
    seen = {}
    for profile in PROFILES:
        caller.tenant.profile = profile
        details = await get(caller, "/reports/authenticationMethods/userRegistrationDetails")
        seen[profile] = sum(not one["isMfaCapable"] for one in details.body["value"])
    assert seen["hardened"] == 0 < seen["typical"] < seen["neglected"]


async def test_the_seed_of_a_tenant_always_makes_the_same() -> None:
    first, second = app_only(), app_only()
    first.tenant.began = second.tenant.began
    for request, *_ in READS:
        one, other = await get(first, request), await get(second, request)
        assert one.body == other.body, request


async def test_beta_has_properties_that_v1_lacks() -> None:
    caller = app_only()
    path = "/policies/authenticationMethodsPolicy"
    assert "systemCredentialPreferences" not in (await get(caller, path)).body
    assert "systemCredentialPreferences" in (await get(caller, f"{BETA}{path}")).body
    answer = await get(caller, "/deviceManagement/configurationPolicies")
    assert answer.status == 400


def test_callers_are_at_their_own_tenants() -> None:
    assert app_only().tenant.tenant_id == OWN
    assert delegated().tenant.tenant_id == CUSTOMER


async def test_what_is_kept_from_page_to_page_follows_changes_of_people() -> None:
    caller = app_only()
    path = "/reports/authenticationMethods/userRegistrationDetails"
    before = (await get(caller, path)).body["value"]
    caller.tenant.directory.edit(0, {"accountEnabled": False})
    after = (await get(caller, path)).body["value"]
    gone = caller.tenant.directory.user(0)["id"]
    assert [one for one in before if one["id"] != gone] == after
    assert len(after) == len(before) - 1
