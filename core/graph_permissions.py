"""The Microsoft Graph permissions that this service uses, with their IDs.

https://learn.microsoft.com/graph/permissions-reference
"""

from typing import NamedTuple

MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"

# The delegated permission `user_impersonation` of Partner Center, with which customers' tenants
# consent to the app. https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis
PARTNER_CENTER = "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd"
PARTNER_CENTER_SCOPE = "1cebfa2a-fb4d-419e-b5f9-839b4383e05a"


class PermissionIds(NamedTuple):
    """A permission's IDs: of the application role, and of the delegated scope."""

    role: str
    scope: str


READ_ORGANIZATION = "Organization.Read.All"
MANAGE_GDAP = "DelegatedAdminRelationship.ReadWrite.All"

PERMISSION_IDS = {
    name: PermissionIds(role, scope)
    for name, role, scope in (
        (
            "AccessReview.Read.All",
            "d07a8cc0-3d51-4b77-b3b0-32704d1f69fa",
            "ebfcd32b-babb-40f4-a14b-42706e83bd28",
        ),
        (
            "Application.Read.All",
            "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
            "c79f8feb-a9db-4090-85f9-90d820caa0eb",
        ),
        (
            "AuditLog.Read.All",
            "b0afded3-3588-46d8-8b3d-9842eff778da",
            "e4c9e354-4dc5-45b8-9e7c-e1393b0b1a20",
        ),
        (
            "DelegatedAdminRelationship.ReadWrite.All",
            "cc13eba4-8cd8-44c6-b4d4-f93237adce58",
            "885f682f-a990-4bad-a642-36736a74b0c7",
        ),
        (
            "DeviceManagementConfiguration.Read.All",
            "dc377aa6-52d8-4e23-b271-2a7ae04cedf3",
            "f1493658-876a-4c87-8fa7-edb559b3476a",
        ),
        (
            "DeviceManagementManagedDevices.Read.All",
            "2f51be20-0bb4-4fed-bf7b-db946066c75e",
            "314874da-47d6-4978-88dc-cf0d37f0bb82",
        ),
        (
            "Domain.Read.All",
            "dbb9058a-0e50-45d7-ae91-66909b5d4664",
            "2f9ee017-59c1-4f1d-9472-bd5529a7b311",
        ),
        (
            "GroupMember.Read.All",
            "98830695-27a2-44f7-8c18-0c3ebc9698f6",
            "bc024368-1153-4739-b217-4326f2e966d0",
        ),
        (
            "GroupSettings.Read.All",
            "f3c4f514-c65a-43f5-bfce-1735872258dd",
            "2eb2bc92-94ef-4c6b-b4ab-2a09bc975e0e",
        ),
        (
            "IdentityRiskyUser.Read.All",
            "dc5007c0-2d7d-4c42-879c-2dab87571379",
            "d04bb851-cb7c-4146-97c7-ca3e71baf56c",
        ),
        (
            "LicenseAssignment.Read.All",
            "e2f98668-2877-4f38-a2f4-8202e0717aa1",
            "f395577a-0960-456b-979f-7228de0c5996",
        ),
        (
            "OrgSettings-AppsAndServices.Read.All",
            "56c84fa9-ea1f-4a15-90f2-90ef41ece2c9",
            "1e9b7a7e-4d64-44ff-acf5-2e9651c1519f",
        ),
        (
            "OrgSettings-Forms.Read.All",
            "434d7c66-07c6-4b1f-ab21-417cf2cdaaca",
            "210051a0-1ffc-435c-ae76-02d226d05752",
        ),
        (
            "Organization.Read.All",
            "498476ce-e0fe-48b0-b801-37ba7e2685c6",
            "4908d5b9-3fb2-4b1e-9336-1888b7937185",
        ),
        (
            "Policy.Read.All",
            "246dd0d5-5bd0-4def-940b-0421030a5b68",
            "572fea84-0151-49b2-9301-11cb16974376",
        ),
        (
            "Policy.Read.B2BManagementPolicy",
            "227900ff-df89-40f8-90e2-8157cf6995d5",
            "4b293250-121d-4cb4-acc7-5280438c18a6",
        ),
        (
            "Policy.Read.DeviceConfiguration",
            "bdba4817-6ba1-4a7c-8a01-be9bc7c242dd",
            "3616a4b0-6746-49c4-a678-4c237599074d",
        ),
        (
            "ReportSettings.Read.All",
            "ee353f83-55ef-4b78-82da-555bfa2b4b95",
            "84fac5f4-33a9-4100-aa38-a20c6d29e5e7",
        ),
        (
            "Reports.Read.All",
            "230c1aed-a721-4c5d-9cb4-a90514e508ef",
            "02e97553-ed7b-43d0-ab3c-f8bace0d040c",
        ),
        (
            "RoleManagement.Read.Directory",
            "483bed4a-2ad3-4361-a73b-c83ccdbdc53c",
            "741c54c3-0c1e-44a1-818b-3f97ab4e8c83",
        ),
        (
            "SecurityAlert.Read.All",
            "472e4a4d-bb4a-4026-98d1-0b0d74cb74a5",
            "bc257fb8-46b4-4b15-8713-01e91bfbe4ea",
        ),
        (
            "SecurityEvents.Read.All",
            "bf394140-e372-4bf9-a898-299cfc7564e5",
            "64733abd-851e-478a-bffb-e47a14b18235",
        ),
        (
            "SecurityIncident.Read.All",
            "45cc0394-e837-488b-a098-1918f48d186c",
            "b9abcc4f-94fc-4457-9141-d20ce80ec952",
        ),
        (
            "ServiceHealth.Read.All",
            "79c261e0-fe76-4144-aad5-bdc68fbe4037",
            "55896846-df78-47a7-aa94-8d3d4442ca7f",
        ),
        (
            "SharePointTenantSettings.Read.All",
            "83d4163d-a2d8-4d3b-9695-4ae3ca98f888",
            "2ef70e10-5bfd-4ede-a5f6-67720500b258",
        ),
        (
            "User.EnableDisableAccount.All",
            "3011c876-62b7-4ada-afa2-506cbbecc68c",
            "f92e74e7-2563-467f-9dd0-902688cb5863",
        ),
        (
            "User.Read.All",
            "df021288-bdef-4463-88db-98f22de89214",
            "a154be20-db9c-4678-8ab7-66f6cc099a59",
        ),
    )
}

# Each of these permissions is sufficient to read /organization.
READS_ORGANIZATION = frozenset(
    {
        READ_ORGANIZATION,
        "Organization.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    }
)
