"""Policies of the tenant, each an object or a short list.

https://learn.microsoft.com/graph/api/resources/policy-overview
"""

import json

from local.microsoft.filters import Document
from local.microsoft.resources import BETA, Access, Resource, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics.readers import POLICIES, POLICY, SCOPES_MISSING, identity

_RESTRICTED_GUEST = "2af84b1e-32c8-42b7-82bc-daa82404023b"
_GUEST = "10dae51f-b6af-4016-8d66-8c2a99b929b3"
_MEMBER_LIKE = "a0b1b346-4d3e-4e8b-98f8-753987be4970"
_WRITERS = words("Global Administrator|Security Administrator")
_KEEPERS = words("Global Administrator|Privileged Role Administrator")
_IDS = words("id|deletedDateTime")


def security_defaults(_tenant: Tenant) -> Document:
    """Return whether security defaults are on."""
    return {
        "id": "00000000-0000-0000-0000-000000000005",
        "displayName": "Security Defaults",
        "description": "Security defaults is a set of basic identity security mechanisms.",
        "isEnabled": False,
    }


def authorization(tenant: Tenant) -> Document:
    """Return what members and guests may do."""
    consent = ("ManagePermissionGrantsForSelf.microsoft-user-default-low",)
    legacy = ("ManagePermissionGrantsForSelf.microsoft-user-default-legacy",)
    return {
        "id": "authorizationPolicy",
        "displayName": "Authorization Policy",
        "description": "Used to manage authorization related settings across the company.",
        "allowInvitesFrom": tenant.by_profile(
            "adminsAndGuestInviters", "adminsGuestInvitersAndAllMembers", "everyone"
        ),
        "allowedToSignUpEmailBasedSubscriptions": not tenant.is_hardened,
        "allowedToUseSSPR": True,
        "allowEmailVerifiedUsersToJoinOrganization": tenant.is_neglected,
        "allowUserConsentForRiskyApps": tenant.is_neglected,
        "blockMsolPowerShell": tenant.is_hardened,
        "guestUserRoleId": tenant.by_profile(_RESTRICTED_GUEST, _GUEST, _MEMBER_LIKE),
        "defaultUserRolePermissions": {
            "allowedToCreateApps": not tenant.is_hardened,
            "allowedToCreateSecurityGroups": not tenant.is_hardened,
            "allowedToCreateTenants": not tenant.is_hardened,
            "allowedToReadBitlockerKeysForOwnedDevice": not tenant.is_hardened,
            "allowedToReadOtherUsers": True,
            "permissionGrantPoliciesAssigned": list(tenant.by_profile((), consent, legacy)),
        },
    }


def admin_consent_requests(tenant: Tenant) -> Document:
    """Return how users request consent from administrators."""
    group = identity(tenant, "group/Security administrators")
    is_on = tenant.is_hardened
    reviewer = {"query": f"/v1.0/groups/{group}/transitiveMembers/microsoft.graph.user"}
    reviewers = [{**reviewer, "queryType": "MicrosoftGraph", "queryRoot": None}]
    return {
        "id": "adminConsentRequestPolicy",
        "isEnabled": is_on,
        "notifyReviewers": is_on,
        "remindersEnabled": is_on,
        "requestDurationInDays": 30 if is_on else 0,
        "version": 0,
        "reviewers": reviewers if is_on else [],
    }


def app_management(tenant: Tenant) -> Document:
    """Return what credentials apps may have."""
    since = "2024-01-01T00:00:00Z"
    limit = {"state": "enabled", "restrictForAppsCreatedAfterDateTime": since}
    secrets = [
        {"restrictionType": "passwordAddition", "maxLifetime": None, **limit},
        {"restrictionType": "passwordLifetime", "maxLifetime": "P180D", **limit},
    ]
    keys = [{"restrictionType": "asymmetricKeyLifetime", "maxLifetime": "P365D", **limit}]
    is_on = tenant.is_hardened
    rules = {"passwordCredentials": secrets, "keyCredentials": keys}
    none: Document = {"passwordCredentials": [], "keyCredentials": []}
    return {
        "id": "00000000-0000-0000-0000-000000000000",
        "displayName": "Default app management tenant policy",
        "description": "Default tenant policy that enforces app management restrictions.",
        "isEnabled": is_on,
        "applicationRestrictions": rules if is_on else none,
        "servicePrincipalRestrictions": rules if is_on else none,
    }


def device_registration(tenant: Tenant) -> Document:
    """Return who may join and register devices."""
    everybody = {"@odata.type": "#microsoft.graph.allDeviceRegistrationMembership"}
    nobody = {"@odata.type": "#microsoft.graph.noDeviceRegistrationMembership"}
    some = {
        "@odata.type": "#microsoft.graph.enumeratedDeviceRegistrationMembership",
        "users": [],
        "groups": [identity(tenant, "group/Security administrators")],
    }
    return {
        "id": "deviceRegistrationPolicy",
        "displayName": "Device Registration Policy",
        "description": "Tenant-wide policy that manages initial provisioning controls.",
        "userDeviceQuota": tenant.by_profile(5, 50, 50),
        "multiFactorAuthConfiguration": tenant.by_profile("required", "notRequired", "notRequired"),
        "azureADRegistration": {"isAdminConfigurable": False, "allowedToRegister": everybody},
        "azureADJoin": {
            "isAdminConfigurable": True,
            "allowedToJoin": tenant.by_profile(some, everybody, everybody),
            "localAdmins": {
                "enableGlobalAdmins": not tenant.is_hardened,
                "registeringUsers": tenant.by_profile(nobody, everybody, everybody),
            },
        },
        "localAdminPassword": {"isEnabled": tenant.is_hardened},
    }


def cross_tenant_default(tenant: Tenant) -> Document:
    """Return the default of access between tenants."""

    def rule(access: str, people: str, apps: str) -> Document:
        users = {"target": people, "targetType": "user"}
        targets = {"target": apps, "targetType": "application"}
        return {
            "usersAndGroups": {"accessType": access, "targets": [users]},
            "applications": {"accessType": access, "targets": [targets]},
        }

    allowed = rule("allowed", "AllUsers", "AllApplications")
    blocked = rule("blocked", "AllUsers", "AllApplications")
    return {
        "isServiceDefault": not tenant.is_hardened,
        "inboundTrust": {
            "isMfaAccepted": tenant.is_hardened,
            "isCompliantDeviceAccepted": False,
            "isHybridAzureADJoinedDeviceAccepted": False,
        },
        "b2bCollaborationInbound": allowed,
        "b2bCollaborationOutbound": tenant.by_profile(blocked, allowed, allowed),
        "b2bDirectConnectInbound": blocked,
        "b2bDirectConnectOutbound": blocked,
    }


def activity_timeouts(tenant: Tenant) -> list[Document]:
    """Return the policies that sign idle sessions out; the definition is JSON in a text."""
    policy = {"ApplicationId": "default", "WebSessionIdleTimeout": "03:00:00"}
    definition = {"ActivityBasedTimeoutPolicy": {"Version": 1, "ApplicationPolicies": [policy]}}
    timeout = {
        "id": identity(tenant, "activity timeout"),
        "displayName": "Idle session timeout",
        "isOrganizationDefault": True,
        "definition": [json.dumps(definition)],
    }
    return tenant.by_profile([timeout], [], [])


def _b2b(tenant: Tenant) -> list[Document]:
    domains = {"AllowedDomains": ["fabrikam.com"], "BlockedDomains": []}
    policy = {"InvitationsAllowedAndBlockedDomainsPolicy": domains}
    definition = {"B2BManagementPolicy": {**policy, "AutoRedeemPolicy": {"AdminConsentedFor": []}}}
    restricted = {
        "id": identity(tenant, "b2b management"),
        "displayName": "B2BManagementPolicy",
        "isOrganizationDefault": True,
        "definition": [json.dumps(definition)],
    }
    return tenant.by_profile([restricted], [], [])


def legacy(tenant: Tenant) -> list[Document]:
    """Return the policies that only the undocumented list of beta still has."""
    return [{**policy, "type": "B2BManagementPolicy"} for policy in _b2b(tenant)]


def _write(name: str, roles: frozenset[str] = _WRITERS) -> Access:
    return Access(words(name), roles)


_P = "microsoft.graph."
RESOURCES = (
    Resource(
        "policies/identitySecurityDefaultsEnforcementPolicy",
        f"{_P}identitySecurityDefaultsEnforcementPolicy",
        POLICY,
        security_defaults,
        is_list=False,
        writes={"PATCH": _write("Policy.ReadWrite.SecurityDefaults")},
        read_only=_IDS,
        denied=SCOPES_MISSING,
    ),
    Resource(
        "policies/authorizationPolicy",
        f"{_P}authorizationPolicy",
        POLICY,
        authorization,
        is_list=False,
        writes={"PATCH": _write("Policy.ReadWrite.Authorization", _KEEPERS)},
        read_only=_IDS,
        denied=SCOPES_MISSING,
    ),
    Resource(
        "policies/adminConsentRequestPolicy",
        f"{_P}adminConsentRequestPolicy",
        POLICY,
        admin_consent_requests,
        is_list=False,
        writes={"PUT": _write("Policy.ReadWrite.ConsentRequest", _KEEPERS)},
        read_only=words("id|version"),
    ),
    Resource(
        "policies/defaultAppManagementPolicy",
        f"{_P}tenantAppManagementPolicy",
        POLICY,
        app_management,
        is_list=False,
        writes={"PATCH": _write("Policy.ReadWrite.ApplicationConfiguration")},
        read_only=_IDS,
    ),
    Resource(
        "policies/deviceRegistrationPolicy",
        f"{_P}deviceRegistrationPolicy",
        Access(words("Policy.Read.DeviceConfiguration"), POLICIES | words("Intune Administrator")),
        device_registration,
        is_list=False,
        writes={"PUT": _write("Policy.ReadWrite.DeviceConfiguration")},
        read_only=_IDS,
    ),
    Resource(
        "policies/crossTenantAccessPolicy/default",
        f"{_P}crossTenantAccessPolicyConfigurationDefault",
        POLICY,
        cross_tenant_default,
        is_list=False,
        writes={"PATCH": _write("Policy.ReadWrite.CrossTenantAccess")},
        read_only=words("isServiceDefault"),
    ),
    Resource(
        "policies/activityBasedTimeoutPolicies",
        f"{_P}activityBasedTimeoutPolicy",
        POLICY,
        activity_timeouts,
        writes={
            method: _write("Policy.ReadWrite.ApplicationConfiguration")
            for method in ("POST", "PATCH", "DELETE")
        },
        read_only=_IDS,
        optional=words("displayName|definition|isOrganizationDefault|description"),
    ),
    Resource("legacy/policies", f"{_P}stsPolicy", POLICY, legacy, versions=(BETA,)),
    Resource(
        "policies/b2bManagementPolicies",
        f"{_P}stsPolicy",
        Access(words("Policy.Read.B2BManagementPolicy"), POLICIES),
        _b2b,
        versions=(BETA,),
    ),
)
