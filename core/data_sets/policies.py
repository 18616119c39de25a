"""Policies of the directory: Conditional Access, sign-in methods, consent, guests, devices."""

from domain.data_set import Cadence, DataSet, Many, One

_GRAPH = "https://learn.microsoft.com/graph/api"
_PERMISSIONS = ("Policy.Read.All",)
_GLOBAL_READER = ("Global Reader",)
_SECURITY_READER = ("Security Reader", "Global Reader")

CONDITIONAL_ACCESS = DataSet(
    name="conditionalAccessPolicies",
    path="/identity/conditionalAccess/policies",
    shape=Many(),
    cadence=Cadence.HOURLY,
    permissions=_PERMISSIONS,
    roles=_SECURITY_READER,
    is_paced=True,
    docs=f"{_GRAPH}/conditionalaccessroot-list-policies",
)

NAMED_LOCATIONS = DataSet(
    name="namedLocations",
    path="/identity/conditionalAccess/namedLocations",
    shape=Many(),
    cadence=Cadence.HOURLY,
    permissions=_PERMISSIONS,
    roles=_SECURITY_READER,
    is_paced=True,
    docs=f"{_GRAPH}/conditionalaccessroot-list-namedlocations",
)

AUTHENTICATION_STRENGTHS = DataSet(
    name="authenticationStrengths",
    path="/policies/authenticationStrengthPolicies",
    shape=Many(),
    keep=("id", "displayName", "policyType", "allowedCombinations", "requirementsSatisfied"),
    cadence=Cadence.REGULAR,
    permissions=_PERMISSIONS,
    roles=_SECURITY_READER,
    docs=f"{_GRAPH}/authenticationstrengthroot-list-policies",
)

SECURITY_DEFAULTS = DataSet(
    name="securityDefaults",
    path="/policies/identitySecurityDefaultsEnforcementPolicy",
    shape=One(),
    cadence=Cadence.HOURLY,
    permissions=_PERMISSIONS,
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/identitysecuritydefaultsenforcementpolicy-get",
)

AUTHORIZATION_POLICY = DataSet(
    name="authorizationPolicy",
    path="/policies/authorizationPolicy",
    shape=One(),
    cadence=Cadence.HOURLY,
    permissions=_PERMISSIONS,
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/authorizationpolicy-get",
)

AUTHENTICATION_METHODS = DataSet(
    name="authenticationMethodsPolicy",
    path="/policies/authenticationMethodsPolicy",
    shape=One(),
    cadence=Cadence.HOURLY,
    permissions=_PERMISSIONS,
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/authenticationmethodspolicy-get",
)

# For two properties that v1.0 lacks.
AUTHENTICATION_METHODS_BETA = DataSet(
    name="authenticationMethodsPolicyBeta",
    path="/policies/authenticationMethodsPolicy",
    version="beta",
    shape=One(),
    keep=(
        *("id", "systemCredentialPreferences", "authenticationMethodConfigurations.id"),
        "authenticationMethodConfigurations.featureSettings.companionAppAllowedState",
    ),
    cadence=Cadence.REGULAR,
    permissions=_PERMISSIONS,
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/authenticationmethodspolicy-get?view=graph-rest-beta",
)

ADMIN_CONSENT_REQUESTS = DataSet(
    name="adminConsentRequestPolicy",
    path="/policies/adminConsentRequestPolicy",
    shape=One(),
    cadence=Cadence.HOURLY,
    permissions=_PERMISSIONS,
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/adminconsentrequestpolicy-get",
)

APP_MANAGEMENT = DataSet(
    name="appManagementPolicy",
    path="/policies/defaultAppManagementPolicy",
    shape=One(),
    cadence=Cadence.HOURLY,
    permissions=_PERMISSIONS,
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/tenantappmanagementpolicy-get",
)

# `Policy.Read.All` does not read this one.
DEVICE_REGISTRATION = DataSet(
    name="deviceRegistrationPolicy",
    path="/policies/deviceRegistrationPolicy",
    shape=One(),
    cadence=Cadence.HOURLY,
    permissions=("Policy.Read.DeviceConfiguration",),
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/deviceregistrationpolicy-get",
)

CROSS_TENANT_ACCESS = DataSet(
    name="crossTenantAccessDefault",
    path="/policies/crossTenantAccessPolicy/default",
    shape=One(),
    cadence=Cadence.HOURLY,
    permissions=_PERMISSIONS,
    roles=_SECURITY_READER,
    docs=f"{_GRAPH}/crosstenantaccesspolicyconfigurationdefault-get",
)

ACTIVITY_BASED_TIMEOUTS = DataSet(
    name="activityBasedTimeoutPolicies",
    path="/policies/activityBasedTimeoutPolicies",
    shape=Many(),
    cadence=Cadence.HOURLY,
    permissions=_PERMISSIONS,
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/activitybasedtimeoutpolicy-list",
)

# A setting that is absent has Microsoft's defaults.
DIRECTORY_SETTINGS = DataSet(
    name="directorySettings",
    path="/groupSettings",
    shape=Many(),
    cadence=Cadence.HOURLY,
    permissions=("GroupSettings.Read.All",),
    roles=_GLOBAL_READER,
    docs=f"{_GRAPH}/group-list-settings",
)

LEGACY_POLICIES = DataSet(
    name="legacyPolicies",
    path="/legacy/policies",
    version="beta",
    shape=Many(),
    cadence=Cadence.DAILY,
    permissions=_PERMISSIONS,
    roles=_GLOBAL_READER,
    docs="https://learn.microsoft.com/entra/external-id/allow-deny-list",
)

B2B_MANAGEMENT = DataSet(
    name="b2bManagementPolicies",
    path="/policies/b2bManagementPolicies",
    version="beta",
    shape=Many(),
    keep=("id", "definition"),
    cadence=Cadence.REGULAR,
    permissions=("Policy.Read.B2BManagementPolicy",),
    roles=_SECURITY_READER,
    is_default=False,
    docs="https://learn.microsoft.com/entra/external-id/allow-deny-list",
)
