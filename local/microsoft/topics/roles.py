"""Entra roles of a tenant: who holds one."""

from local import sample_data
from local.microsoft.filters import Document
from local.microsoft.resources import Access, Resource, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics.role_holders import HELD, holders, principal

READ = Access(
    words("RoleManagement.Read.Directory|RoleManagement.ReadWrite.Directory|Directory.Read.All"),
    words("Global Reader|Directory Readers|Privileged Role Administrator|Security Reader"),
)


def assignments(tenant: Tenant) -> list[Document]:
    """Return the active role assignments: permanent and activated ones alike."""
    return [
        {
            "id": sample_data.fixed_id(f"{tenant.tenant_id}/assignment/{role}/{who}"),
            "principalId": who,
            "directoryScopeId": "/",
            "roleDefinitionId": role,
        }
        for role, who in holders(tenant, HELD)
    ]


RESOURCES = (
    Resource(
        "roleManagement/directory/roleAssignments",
        "microsoft.graph.unifiedRoleAssignment",
        READ,
        assignments,
        expands={"principal": principal},
    ),
)
