"""The Microsoft Graph permissions of a partner app registration, in the format of Entra's manifest.

https://learn.microsoft.com/graph/api/resources/requiredresourceaccess
"""

from typing import Any

from domain.graph_permissions import MANIFEST, READ

MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"

# The delegated permission `user_impersonation` of Partner Center, with which customers' tenants
# consent to the app. https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis
PARTNER_CENTER = "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd"
PARTNER_CENTER_SCOPE = "1cebfa2a-fb4d-419e-b5f9-839b4383e05a"

# https://learn.microsoft.com/graph/permissions-reference
APP_ROLES = {
    "DelegatedAdminRelationship.ReadWrite.All": "cc13eba4-8cd8-44c6-b4d4-f93237adce58",
    "LicenseAssignment.Read.All": "e2f98668-2877-4f38-a2f4-8202e0717aa1",
    "Organization.Read.All": "498476ce-e0fe-48b0-b801-37ba7e2685c6",
    "Policy.Read.All": "246dd0d5-5bd0-4def-940b-0421030a5b68",
    "SecurityEvents.Read.All": "bf394140-e372-4bf9-a898-299cfc7564e5",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
}
SCOPES = {
    "LicenseAssignment.Read.All": "f395577a-0960-456b-979f-7228de0c5996",
    "Policy.Read.All": "572fea84-0151-49b2-9301-11cb16974376",
    "SecurityEvents.Read.All": "64733abd-851e-478a-bffb-e47a14b18235",
    "User.Read.All": "a154be20-db9c-4678-8ab7-66f6cc099a59",
}


def app_manifest() -> dict[str, Any]:
    """Return the permissions: application permissions, and delegated ones for customers' data.

    The app itself reads the partner tenant. The MSP's service account reads customers, because
    GDAP gives only delegated access.
    """
    roles = [{"id": APP_ROLES[name], "type": "Role"} for name in sorted(MANIFEST)]
    scopes = [{"id": SCOPES[name], "type": "Scope"} for name in sorted(READ.values())]
    access = {"resourceAppId": MICROSOFT_GRAPH, "resourceAccess": roles + scopes}
    impersonation = {"id": PARTNER_CENTER_SCOPE, "type": "Scope"}
    consenting = {"resourceAppId": PARTNER_CENTER, "resourceAccess": [impersonation]}
    return {"requiredResourceAccess": [access, consenting]}
