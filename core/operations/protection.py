"""Protected accounts: whoever locks one of them out may lock out the whole MSP."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from core.operations.ports import Attempt, OperationPorts
from domain.errors import MalformedInput, OwnerRequired, Protected
from domain.identifiers import ObjectId
from domain.operation import BreakGlassAccounts
from domain.roles import Role, StaffMember

# https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
_NEVER_OVERRIDDEN = frozenset({"self", "last_global_admin"})

type RoleHolders = Mapping[ObjectId, frozenset[str]]


async def protections(
    ports: OperationPorts, attempt: Attempt, holders: RoleHolders
) -> tuple[str, ...]:
    """Return why the target is protected: `self`, `service_account`, `break_glass` and so on."""
    return tuple([reason async for reason in _reasons(ports, attempt, holders)])


async def _reasons(
    ports: OperationPorts, attempt: Attempt, holders: RoleHolders
) -> AsyncIterator[str]:
    operation, tenant = attempt.operation, attempt.tenant
    target, actor = ObjectId(operation.target_id or ""), operation.requested_by
    if (actor.tid, actor.oid) == (tenant.tenant_id, target):
        yield "self"
    if tenant.is_own_msp_tenant and target == await ports.directory.service_account(attempt.msp):
        yield "service_account"
    declared = await ports.msps.find(BreakGlassAccounts, *_key(attempt))
    if declared and target in declared.value.user_ids:
        yield "break_glass"
    if await _is_last_administrator(ports, attempt, holders, target):
        yield "last_global_admin"
    if await ports.msps.find(StaffMember, tenant.msp_id, tenant.tenant_id, target):
        yield "msp_staff"


def _key(attempt: Attempt) -> tuple[Any, ...]:
    ref = attempt.tenant.ref
    return ref.msp_id, ref.tenant_id, ref.epoch


async def _is_last_administrator(
    ports: OperationPorts, attempt: Attempt, holders: RoleHolders, target: ObjectId
) -> bool:
    admins = {user for user, roles in holders.items() if GLOBAL_ADMINISTRATOR in roles}
    if target not in admins:
        return False
    enabled = await ports.directory.enabled_users(attempt.msp, attempt.tenant, admins)
    return enabled == {target}


def check_protections(
    reasons: tuple[str, ...], member: StaffMember | None, reason: str | None, *, override: bool
) -> tuple[str, ...]:
    """Return the protections that the member overrides.

    Args:
        reason: Why, in the member's words.

    Raises:
        Protected: The account is protected, and this is not overridden or cannot be.
        OwnerRequired: Only an owner may override protections.
        MalformedInput: The reason is missing.
    """
    if not reasons:
        return ()
    if not override or not _NEVER_OVERRIDDEN.isdisjoint(reasons):
        raise Protected(*reasons)
    if member is None or member.role is not Role.OWNER:
        raise OwnerRequired("Only an owner may override the protection of an account.")
    if not reason:
        raise MalformedInput("reason", "must say why the protection is overridden")
    return reasons
