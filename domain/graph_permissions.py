"""The permissions that the partner app requests: the least privileged ones for its calls.

https://learn.microsoft.com/graph/permissions-reference
"""

from domain.sync_state import DataSet

READ_ORGANIZATION = "Organization.Read.All"
MANAGE_GDAP = "DelegatedAdminRelationship.ReadWrite.All"

READ: dict[DataSet, str] = {
    DataSet.USERS: "User.Read.All",
    DataSet.LICENCES: "LicenseAssignment.Read.All",
    DataSet.SECURE_SCORE: "SecurityEvents.Read.All",
    DataSet.CONDITIONAL_ACCESS: "Policy.Read.All",
}

# Under GDAP a permission is not enough: the account also needs an Entra role that may read.
READING_ROLES: dict[DataSet, str] = {
    DataSet.USERS: "Global Reader",
    DataSet.LICENCES: "License Administrator or Global Reader",
    DataSet.SECURE_SCORE: "Security Reader or Global Reader",
    DataSet.CONDITIONAL_ACCESS: "Security Reader or Global Reader",
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

# Increase it with every change of the manifest: /my-tenant then shows MSPs that consented to an
# earlier version that they are behind.
MANIFEST_VERSION = 1
MANIFEST = frozenset({READ_ORGANIZATION, MANAGE_GDAP, *READ.values()})
