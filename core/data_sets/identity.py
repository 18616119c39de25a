"""The tenant itself, its people, groups, applications and licences."""

from domain.data_set import Cadence, DataSet, Many, Users

_GRAPH = "https://learn.microsoft.com/graph/api"
_GLOBAL_READER = ("Global Reader",)

USERS = DataSet(
    name="users",
    path="/users",
    shape=Users(),
    cadence=Cadence.REGULAR,
    permissions=("User.Read.All",),
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/user-delta",
)

LICENCES = DataSet(
    name="licences",
    path="/subscribedSkus",
    shape=Many(key="skuId"),
    cadence=Cadence.REGULAR,
    permissions=("LicenseAssignment.Read.All",),
    roles=("License Administrator", "Global Reader"),
    docs=f"{_GRAPH}/subscribedsku-list",
)

ORGANIZATION = DataSet(
    name="organization",
    path=(
        "/organization?$select=id,displayName,onPremisesSyncEnabled,onPremisesLastSyncDateTime,"
        "verifiedDomains,assignedPlans"
    ),
    shape=Many(),
    keep=(
        *("id", "displayName", "onPremisesSyncEnabled", "onPremisesLastSyncDateTime"),
        *("verifiedDomains", "assignedPlans.servicePlanId", "assignedPlans.capabilityStatus"),
    ),
    cadence=Cadence.REGULAR,
    permissions=("Organization.Read.All",),
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/organization-get",
)

# v1.0 lacks this property.
ORGANIZATION_BETA = DataSet(
    name="organizationBeta",
    path="/organization?$select=id,onPremisesSyncEnabled,onPremisesLastPasswordSyncDateTime",
    version="beta",
    shape=Many(),
    keep=("id", "onPremisesSyncEnabled", "onPremisesLastPasswordSyncDateTime"),
    cadence=Cadence.DAILY,
    permissions=("Organization.Read.All",),
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/organization-get?view=graph-rest-beta",
)

DOMAINS = DataSet(
    name="domains",
    path="/domains",
    shape=Many(),
    keep=(
        *("id", "isVerified", "isDefault", "isRoot", "authenticationType"),
        *("passwordValidityPeriodInDays", "passwordNotificationWindowInDays"),
    ),
    cadence=Cadence.REGULAR,
    permissions=("Domain.Read.All",),
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/domain-list",
)

GROUPS = DataSet(
    name="groups",
    path=(
        "/groups?$select=id,displayName,visibility,groupTypes,mailEnabled,securityEnabled,"
        "membershipRule&$top=999"
    ),
    shape=Many(),
    cadence=Cadence.DAILY,
    permissions=("GroupMember.Read.All",),
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/group-list",
)

SUBSCRIPTIONS = DataSet(
    name="subscriptions",
    path="/directory/subscriptions",
    shape=Many(),
    cadence=Cadence.DAILY,
    permissions=("Organization.Read.All",),
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/directory-list-subscriptions",
)

# Credentials are kept by ID and dates: never a secret, a hint or a key.
APPLICATIONS = DataSet(
    name="applications",
    path="/applications?$select=id,appId,displayName,passwordCredentials,keyCredentials&$top=999",
    shape=Many(),
    keep=(
        *("id", "appId", "displayName"),
        *(f"passwordCredentials.{name}" for name in ("keyId", "startDateTime", "endDateTime")),
        *(f"keyCredentials.{name}" for name in ("keyId", "startDateTime", "endDateTime")),
    ),
    cadence=Cadence.DAILY,
    permissions=("Application.Read.All",),
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/application-list",
)

# The service principal that lets Microsoft 365 on the web open files at other storage providers.
THIRD_PARTY_STORAGE = DataSet(
    name="servicePrincipalThirdPartyStorage",
    path=(
        "/servicePrincipals?$filter=appId eq 'c1f33bc0-bdb4-4248-ba9b-096807ddb43e'"
        "&$select=id,appId,accountEnabled"
    ),
    shape=Many(),
    keep=("id", "appId", "accountEnabled"),
    cadence=Cadence.DAILY,
    permissions=("Application.Read.All",),
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/serviceprincipal-list",
)
