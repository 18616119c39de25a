"""Entra roles: who holds which, permanently or through Privileged Identity Management."""

from collections.abc import Collection, Mapping

from domain.data_set import Cadence, DataSet, Document, Each, Many

_GRAPH = "https://learn.microsoft.com/graph/api"
_PERMISSIONS = ("RoleManagement.Read.Directory",)
_PIM_READERS = ("Security Reader", "Global Reader")
_P2 = ("AAD_PREMIUM_P2",)

ROLE_ASSIGNMENTS = DataSet(
    name="roleAssignments",
    path="/roleManagement/directory/roleAssignments?$expand=principal",
    shape=Many(),
    keep=(
        *("id", "principalId", "roleDefinitionId", "directoryScopeId"),
        *("principal.@odata.type", "principal.id"),
    ),
    cadence=Cadence.REGULAR,
    permissions=_PERMISSIONS,
    roles=("Global Reader",),
    docs=f"{_GRAPH}/rbacapplication-list-roleassignments",
)

ROLE_ELIGIBILITIES = DataSet(
    name="roleEligibilities",
    path="/roleManagement/directory/roleEligibilityScheduleInstances?$expand=principal",
    shape=Many(),
    keep=(
        *("id", "principalId", "roleDefinitionId", "directoryScopeId", "endDateTime"),
        *("memberType", "principal.@odata.type", "principal.id"),
    ),
    cadence=Cadence.REGULAR,
    permissions=_PERMISSIONS,
    roles=_PIM_READERS,
    plans=_P2,
    docs=f"{_GRAPH}/rbacapplication-list-roleeligibilityscheduleinstances",
)

ROLE_ACTIVATIONS = DataSet(
    name="roleActivations",
    path="/roleManagement/directory/roleAssignmentScheduleInstances?$expand=principal",
    shape=Many(),
    keep=(
        *("id", "principalId", "roleDefinitionId", "assignmentType", "memberType"),
        *("endDateTime", "directoryScopeId", "principal.@odata.type", "principal.id"),
    ),
    cadence=Cadence.REGULAR,
    permissions=_PERMISSIONS,
    roles=_PIM_READERS,
    plans=_P2,
    docs=f"{_GRAPH}/rbacapplication-list-roleassignmentscheduleinstances",
)

PIM_POLICIES = DataSet(
    name="pimPolicies",
    path=(
        "/policies/roleManagementPolicyAssignments?$filter=scopeId eq '/' and scopeType eq"
        " 'DirectoryRole'&$expand=policy($expand=rules)"
    ),
    shape=Many(),
    keep=("id", "roleDefinitionId", "policy.id", "policy.rules"),
    cadence=Cadence.DAILY,
    permissions=_PERMISSIONS,
    roles=_PIM_READERS,
    plans=_P2,
    docs=f"{_GRAPH}/policyroot-list-rolemanagementpolicyassignments",
)

# Only beta says which roles are privileged.
ROLE_DEFINITIONS = DataSet(
    name="roleDefinitions",
    path=(
        "/roleManagement/directory/roleDefinitions"
        "?$select=id,templateId,displayName,isBuiltIn,isEnabled,isPrivileged"
    ),
    version="beta",
    shape=Many(),
    cadence=Cadence.DAILY,
    permissions=_PERMISSIONS,
    roles=("Global Reader",),
    docs=f"{_GRAPH}/rbacapplication-list-roledefinitions?view=graph-rest-beta",
)

ACCESS_REVIEWS = DataSet(
    name="accessReviews",
    path="/identityGovernance/accessReviews/definitions",
    shape=Many(),
    keep=(
        *("id", "displayName", "status", "scope", "reviewers", "settings"),
        "instanceEnumerationScope",
    ),
    cadence=Cadence.DAILY,
    permissions=("AccessReview.Read.All",),
    roles=_PIM_READERS,
    plans=_P2,
    is_default=False,
    docs=f"{_GRAPH}/accessreviewset-list-definitions",
)


def groups_to_expand(known: Mapping[str, Collection[Document]]) -> Collection[str]:
    """Return the groups that hold a role, or that a Conditional Access policy excludes."""
    held = {
        assignment["principalId"]
        for name in ("roleAssignments", "roleEligibilities")
        for assignment in known.get(name, ())
        if _is_group(assignment.get("principal"))
    }
    return held.union(*map(_excluded_groups, known.get("conditionalAccessPolicies", ())))


def _is_group(principal: object) -> bool:
    return isinstance(principal, dict) and principal.get("@odata.type") == "#microsoft.graph.group"


def _excluded_groups(policy: Document) -> set[str]:
    conditions = policy.get("conditions") or {}
    users = conditions.get("users") or {}
    return set(users.get("excludeGroups") or ())


ROLE_GROUP_MEMBERS = DataSet(
    name="roleGroupMembers",
    path="/groups/{id}/transitiveMembers/microsoft.graph.user?$select=id,accountEnabled",
    shape=Each(
        of=("roleAssignments", "roleEligibilities", "conditionalAccessPolicies"),
        ids=groups_to_expand,
    ),
    cadence=Cadence.REGULAR,
    permissions=("GroupMember.Read.All",),
    roles=("Global Reader",),
    docs=f"{_GRAPH}/group-list-transitivemembers",
)
