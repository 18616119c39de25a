"""Everything that is checked before an operation is recorded, and again before each step."""

from dataclasses import dataclass, replace

from core.operations.kind import OperationKind, Target
from core.operations.ports import Attempt, OperationPorts
from core.operations.protection import check_protections, protections
from domain.audit import Actor
from domain.errors import (
    ConfirmationRequired,
    ConsentRequired,
    MasteredOnPremises,
    PermissionMissing,
    TenantNotManageable,
    UserNotFound,
)
from domain.identifiers import MspId, ObjectId, TenantId
from domain.operation import Operation
from domain.ports.directory import DirectoryUser
from domain.ports.msp_store import MspStore
from domain.roles import Permission, StaffMember
from domain.tenant import Tenant

# What the checks themselves read: users, the roles they hold, and members of groups that hold one.
GUARD_PERMISSIONS = ("User.Read.All", "RoleManagement.Read.Directory", "GroupMember.Read.All")


@dataclass(frozen=True, slots=True)
class Checked:
    """An operation that may be carried out.

    Args:
        operation: With its target and the protections that are overridden.
        roles: The Entra roles that the target holds.
    """

    operation: Operation
    roles: frozenset[str] = frozenset()


async def check(ports: OperationPorts, attempt: Attempt, *, override: bool = False) -> Checked:
    """Check who asks, the tenant, the Graph permissions and the target, in this order.

    Args:
        override: Whether an owner overrides the protection of the target.

    Raises:
        PermissionMissing: The requester's role lacks a permission, or the requester is gone.
        TenantNotManageable: The tenant is not active, or cannot be reached.
        ConsentRequired: The token lacks a Graph permission, which the text names.
        UserNotFound, MasteredOnPremises, Protected, OwnerRequired: because of the target.
        MicrosoftUnavailable: Microsoft does not answer.
    """
    kind, tenant, operation = attempt.kind, attempt.tenant, attempt.operation
    member = await requester(ports.msps, operation.msp_id, operation.requested_by)
    check_staff(member, kind.staff, tenant)
    check_manageable(tenant)
    await _check_graph_permissions(ports, attempt)
    if kind.target is not Target.USER:
        return Checked(operation)
    user = await _target(ports, attempt)
    named = replace(operation, target_id=user.user_id, target_name=user.user_principal_name)
    return await _check_target(ports, replace(attempt, operation=named), member, override=override)


async def _check_target(
    ports: OperationPorts, attempt: Attempt, member: StaffMember | None, *, override: bool
) -> Checked:
    operation = attempt.operation
    holders = await ports.directory.role_holders(attempt.msp, attempt.tenant)
    roles = holders.get(ObjectId(operation.target_id or ""), frozenset())
    if roles:
        check_staff(member, Permission.USERS_PRIVILEGED, attempt.tenant)
    # To put an account back may lock it out as well.
    if not attempt.kind.protects and operation.rolls_back is None:
        return Checked(operation, roles)
    reasons = await protections(ports, attempt, holders)
    overridden = check_protections(reasons, member, operation.reason, override=override)
    return Checked(replace(operation, overridden=overridden), roles)


async def requester(msps: MspStore, msp_id: MspId, actor: Actor) -> StaffMember | None:
    """Return the staff member who asks, as they are now."""
    tid, oid = TenantId(actor.tid or ""), ObjectId(actor.oid or "")
    known = await msps.find(StaffMember, msp_id, tid, oid)
    return known.value if known else None


def check_staff(member: StaffMember | None, permission: Permission, tenant: Tenant) -> None:
    """Check a staff member's permission at a tenant.

    Raises:
        PermissionMissing: The role lacks it, or there is no such staff member any more.
    """
    is_partner_tenant = tenant.is_own_msp_tenant
    if member is None or not member.may_at(permission, is_partner_tenant=is_partner_tenant):
        raise PermissionMissing(f"This needs the permission {permission} at this tenant.")


def check_manageable(tenant: Tenant) -> None:
    """Check that a tenant is active and can be reached.

    Raises:
        TenantNotManageable: It is not.
    """
    if tenant.connection_lost_at is not None:
        raise TenantNotManageable("The tenant cannot be reached: its GDAP relationship has ended.")
    if not tenant.is_synced:
        raise TenantNotManageable(f"The tenant is {tenant.status}.")


def check_confirmed(kind: OperationKind, tenant: Tenant, confirm: str | None) -> None:
    """Check that a change of the partner tenant's policies is meant.

    A mistake there may shut out every person of the MSP.

    Raises:
        ConfirmationRequired: The tenant's primary domain is not named.
    """
    if not kind.confirms or not tenant.is_own_msp_tenant:
        return
    if tenant.primary_domain is None or (confirm or "").lower() != tenant.primary_domain.lower():
        raise ConfirmationRequired(
            'This changes the MSP\'s own tenant: name its primary domain in "confirm".'
        )


async def _check_graph_permissions(ports: OperationPorts, attempt: Attempt) -> None:
    needed = [attempt.kind.permission, *GUARD_PERMISSIONS]
    for fresh in (False, True):
        held = await ports.access.permissions(attempt.msp, attempt.tenant, fresh=fresh)
        missing = [name for name in needed if name not in held]
        if not missing:
            return
    raise ConsentRequired(f"Consent is missing for {', '.join(missing)}.")


async def _target(ports: OperationPorts, attempt: Attempt) -> DirectoryUser:
    target = attempt.operation.target_id or ""
    user = await ports.directory.user(attempt.msp, attempt.tenant, target)
    if user is None:
        raise UserNotFound("The tenant has no such user.")
    if user.is_synced and attempt.kind.on_premises:
        raise MasteredOnPremises(
            "The user is synchronised from Active Directory, which would undo the change:"
            " make it there."
        )
    return user
