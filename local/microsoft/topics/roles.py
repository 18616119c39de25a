"""Entra roles of a tenant: definitions, who holds one, who may activate one, and how."""

from datetime import timedelta

from local.microsoft.filters import Document
from local.microsoft.plans import GOVERNANCE
from local.microsoft.resources import Access, Resource, words
from local.microsoft.roles import IDS
from local.microsoft.tenant import Tenant
from local.microsoft.topics.readers import identity, stamp
from local.microsoft.topics.role_holders import ELIGIBLE, HELD, holders, principal

_READERS = words(
    "Global Reader|Directory Readers|Privileged Role Administrator|Security Reader",
    "Security Administrator|Security Operator",
)
READ = Access(
    words("RoleManagement.Read.Directory|RoleManagement.ReadWrite.Directory|Directory.Read.All"),
    _READERS,
)
# For what Privileged Identity Management adds, Directory.Read.All is not enough.
_READ_PIM = Access(
    words("RoleManagement.Read.Directory|RoleManagement.ReadWrite.Directory"), _READERS
)
# Roles whose definition beta marks as privileged.
_PRIVILEGED = words(
    "Global Administrator|Privileged Role Administrator|Privileged Authentication Administrator",
    "Authentication Administrator|User Administrator|Helpdesk Administrator",
    "Password Administrator|Security Administrator|Conditional Access Administrator",
    "Application Administrator|Cloud Application Administrator|Intune Administrator",
    "Global Reader|Security Reader|Security Operator",
)


def assignments(tenant: Tenant) -> list[Document]:
    """Return the active role assignments: permanent and activated ones alike."""
    return [
        {
            "id": identity(tenant, f"assignment/{role}/{who}"),
            "principalId": who,
            "directoryScopeId": "/",
            "roleDefinitionId": role,
        }
        for role, who in holders(tenant, HELD)
    ]


def activations(tenant: Tenant) -> list[Document]:
    """Return the active assignments as Privileged Identity Management shows them."""
    return [
        {
            **{name: item[name] for name in ("principalId", "roleDefinitionId")},
            "id": identity(tenant, f"instance/{item['id']}"),
            "directoryScopeId": "/",
            "appScopeId": None,
            "startDateTime": "2024-03-01T02:03:04Z",
            "endDateTime": None,
            "assignmentType": "Assigned",
            "memberType": "Direct",
            "roleAssignmentOriginId": item["id"],
            "roleAssignmentScheduleId": item["id"],
        }
        for item in assignments(tenant)
    ]


def eligibilities(tenant: Tenant) -> list[Document]:
    """Return who may activate a role."""
    end = stamp(tenant.began + timedelta(days=180))
    return [
        {
            "id": identity(tenant, f"eligibility/{role}/{who}"),
            "principalId": who,
            "roleDefinitionId": role,
            "directoryScopeId": "/",
            "appScopeId": None,
            "startDateTime": "2024-03-01T02:03:04Z",
            "endDateTime": end,
            "memberType": "Direct",
            "roleEligibilityScheduleId": identity(tenant, f"schedule/{role}/{who}"),
        }
        for role, who in holders(tenant, ELIGIBLE)
    ]


_RULE = "#microsoft.graph.unifiedRoleManagementPolicy"
_TARGET = {"operations": ["all"], "inheritableSettings": [], "enforcedSettings": []}
_END_USER = {"caller": "EndUser", "level": "Assignment", **_TARGET}


def _rules(tenant: Tenant) -> list[Document]:
    """Return how roles are activated and assigned: with approval where it is hardened."""
    expiration = {
        "@odata.type": f"{_RULE}ExpirationRule",
        "id": "Expiration_Admin_Assignment",
        "target": {"caller": "Admin", "level": "Assignment", **_TARGET},
        "isExpirationRequired": tenant.is_hardened,
        "maximumDuration": "P180D",
    }
    enablement = {
        "@odata.type": f"{_RULE}EnablementRule",
        "id": "Enablement_EndUser_Assignment",
        "target": _END_USER,
        "enabledRules": ["MultiFactorAuthentication", "Justification"],
    }
    return [_approval(tenant), expiration, enablement]


def _approval(tenant: Tenant) -> Document:
    stage = {
        "approvalStageTimeOutInDays": 1,
        "isApproverJustificationRequired": True,
        "escalationTimeInMinutes": 0,
        "isEscalationEnabled": False,
        "primaryApprovers": [],
        "escalationApprovers": [],
    }
    setting = {
        "isApprovalRequired": tenant.is_hardened,
        "isApprovalRequiredForExtension": False,
        "isRequestorJustificationRequired": True,
        "approvalMode": "SingleStage",
        "approvalStages": [stage],
    }
    kind, key = f"{_RULE}ApprovalRule", "Approval_EndUser_Assignment"
    return {"@odata.type": kind, "id": key, "target": _END_USER, "setting": setting}


def pim_policies(tenant: Tenant) -> list[Document]:
    """Return which policy applies to which role."""
    return [
        {
            "id": f"DirectoryRole_{tenant.tenant_id}_{identity(tenant, f'pim/{role}')}_{role}",
            "policyId": f"DirectoryRole_{tenant.tenant_id}_{identity(tenant, f'pim/{role}')}",
            "scopeId": "/",
            "scopeType": "DirectoryRole",
            "roleDefinitionId": role,
        }
        for role in IDS.values()
    ]


def _policy(tenant: Tenant, document: Document) -> Document:
    """Return the policy of a role, as a nested `$expand=rules` shows it."""
    return {
        "id": document["policyId"],
        "displayName": "DirectoryRole",
        "description": "DirectoryRole",
        "isOrganizationDefault": False,
        "scopeId": "/",
        "scopeType": "DirectoryRole",
        "lastModifiedDateTime": None,
        "lastModifiedBy": None,
        "rules": _rules(tenant),
    }


def definitions(_tenant: Tenant) -> list[Document]:
    """Return the built-in roles."""
    return [
        {
            "id": role,
            "templateId": role,
            "displayName": name,
            "description": f"The built-in role {name}.",
            "isBuiltIn": True,
            "isEnabled": True,
            "version": "1",
            "resourceScopes": ["/"],
            "rolePermissions": [],
        }
        for name, role in IDS.items()
    ]


def _in_beta(_tenant: Tenant, role: Document) -> Document:
    """Return a role with what only beta says: whether it is privileged."""
    return {"isPrivileged": role["displayName"] in _PRIVILEGED, **role}


_BASE, _TYPE = "roleManagement/directory", "microsoft.graph.unifiedRole"
RESOURCES = (
    Resource(
        f"{_BASE}/roleAssignments",
        f"{_TYPE}Assignment",
        READ,
        assignments,
        expands={"principal": principal},
    ),
    Resource(
        f"{_BASE}/roleEligibilityScheduleInstances",
        f"{_TYPE}EligibilityScheduleInstance",
        _READ_PIM,
        eligibilities,
        plan=GOVERNANCE,
        expands={"principal": principal},
    ),
    Resource(
        f"{_BASE}/roleAssignmentScheduleInstances",
        f"{_TYPE}AssignmentScheduleInstance",
        _READ_PIM,
        activations,
        plan=GOVERNANCE,
        expands={"principal": principal},
    ),
    Resource(
        "policies/roleManagementPolicyAssignments",
        f"{_TYPE}ManagementPolicyAssignment",
        _READ_PIM,
        pim_policies,
        plan=GOVERNANCE,
        expands={"policy": _policy},
        needs_filter=True,
    ),
    Resource(
        f"{_BASE}/roleDefinitions",
        f"{_TYPE}Definition",
        READ,
        definitions,
        in_beta=_in_beta,
    ),
)
