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


_VIEWER = frozenset({Permission.STAFF, Permission.TENANTS_READ})
_TECHNICIAN = _VIEWER | {Permission.USERS_READ}
_ADMIN = _TECHNICIAN | {
    Permission.TENANTS_MANAGE,
    Permission.BILLING_READ,
    Permission.AUDIT_READ,
    Permission.STAFF_MANAGE,
}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: _ADMIN | {Permission.CONSENT_MANAGE},
    Role.ADMIN: _ADMIN,
    Role.L3: _TECHNICIAN,
    Role.L2: _TECHNICIAN,
    Role.L1: _TECHNICIAN,
    Role.VIEWER: _VIEWER,
}


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
