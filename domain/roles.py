"""Staff, their roles, and what each role may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from domain.identifiers import MspId, ObjectId, TenantId


class Role(StrEnum):
    """A staff member's role in the MSP, strongest first."""

    OWNER = "msp_owner"
    ADMIN = "msp_admin"
    L3 = "l3"
    L2 = "l2"
    L1 = "l1"
    VIEWER = "viewer"


class Permission(StrEnum):
    """What a route demands; each names exactly one."""

    STAFF = "STAFF"  # any staff member
    TENANTS_READ = "TENANTS_READ"
    TENANTS_MANAGE = "TENANTS_MANAGE"
    CONSENT_MANAGE = "CONSENT_MANAGE"
    BILLING_READ = "BILLING_READ"
    USERS_READ = "USERS_READ"
    AUDIT_READ = "AUDIT_READ"
    STAFF_MANAGE = "STAFF_MANAGE"
    USERS_MANAGE = "USERS_MANAGE"
    USERS_CREDENTIALS = "USERS_CREDENTIALS"
    USERS_PRIVILEGED = "USERS_PRIVILEGED"  # any of the two on somebody who holds an Entra role
    OPERATIONS_READ = "OPERATIONS_READ"


_VIEWER = frozenset({Permission.STAFF, Permission.TENANTS_READ})
_L1 = _VIEWER | {
    Permission.USERS_READ,
    Permission.USERS_CREDENTIALS,
    Permission.OPERATIONS_READ,
}
_L2 = _L1 | {Permission.USERS_MANAGE}
_ADMIN = _L2 | {
    Permission.USERS_PRIVILEGED,
    Permission.TENANTS_MANAGE,
    Permission.BILLING_READ,
    Permission.AUDIT_READ,
    Permission.STAFF_MANAGE,
}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: _ADMIN | {Permission.CONSENT_MANAGE},
    Role.ADMIN: _ADMIN,
    Role.L3: _L2,
    Role.L2: _L2,
    Role.L1: _L1,
    Role.VIEWER: _VIEWER,
}

# The accounts of the partner tenant give access to every customer, so that these permissions need
# one of these roles there.
_GUARDED_AT_PARTNER_TENANT = {Permission.USERS_MANAGE, Permission.USERS_CREDENTIALS}
_TRUSTED_AT_PARTNER_TENANT = {Role.OWNER, Role.ADMIN, Role.L3}


class StaffKey(NamedTuple):
    """The key of a staff member: the MSP, and the person in Entra ID."""

    msp_id: MspId
    tid: TenantId
    oid: ObjectId


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A person who signs in for an MSP, identified by (`tid`, `oid`) of a verified token."""

    msp_id: MspId
    tid: TenantId
    oid: ObjectId
    role: Role
    name: str

    @property
    def key(self) -> StaffKey:
        """The member's key."""
        return StaffKey(self.msp_id, self.tid, self.oid)

    def may(self, permission: Permission) -> bool:
        """Return whether the member's role has the permission."""
        return permission in PERMISSIONS[self.role]

    def may_at(self, permission: Permission, *, is_partner_tenant: bool) -> bool:
        """Return whether the member's role has the permission at a tenant."""
        is_guarded = is_partner_tenant and permission in _GUARDED_AT_PARTNER_TENANT
        return self.may(permission) and (not is_guarded or self.role in _TRUSTED_AT_PARTNER_TENANT)
