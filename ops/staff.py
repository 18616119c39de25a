"""The operator commands for staff: the tenants an MSP signs in from, and its staff members."""

import argparse
from dataclasses import replace
from typing import Any
from uuid import uuid4

from adapters.clock import SystemClock
from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from core.staffing import put_staff
from core.transactions import decide_and_commit
from domain.audit import SYSTEM, Cause
from domain.errors import ForeignPerson, MalformedInput
from domain.identifiers import MspId, TenantId, parse_guid, parse_object_id, parse_tenant_id
from domain.ports.msp_store import MspHead, MspStore
from domain.roles import Role, StaffMember
from domain.row_changes import Decision, Insert, Replace
from ops.command import head_of
from ops.onboarding import present

MOST_SIGN_IN_TENANTS = 20


def add_staff_commands(commands: Any) -> None:
    """Add the commands to the parser."""
    tenant = commands.add_parser(
        "add-sign-in-tenant", help="let people of another tenant be an MSP's staff"
    )
    tenant.set_defaults(command=_add_sign_in_tenant)
    for option in ("msp-id", "tid"):
        tenant.add_argument(f"--{option}", required=True)
    staff = commands.add_parser("add-staff", help="add a staff member, or change one")
    staff.set_defaults(command=_add_staff)
    for option in ("msp-id", "tid", "oid", "role", "name"):
        staff.add_argument(f"--{option}", required=True)


async def _add_sign_in_tenant(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, Any]:
    msp_id = MspId(parse_guid(options.msp_id, "msp-id"))
    tid = parse_tenant_id(options.tid, "tid")
    known = await add_sign_in_tenant(storage.msps, msp_id, tid, _cause())
    return {"signInTenants": list(known)}


async def _add_staff(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, Any]:
    member = StaffMember(
        msp_id=MspId(parse_guid(options.msp_id, "msp-id")),
        tid=parse_tenant_id(options.tid, "tid"),
        oid=parse_object_id(options.oid, "oid"),
        role=_role(options.role),
        name=present(options.name, "name"),
    )
    try:
        added = await put_staff(storage.msps, storage.staff_index, member, _cause())
    except ForeignPerson:
        raise ForeignPerson("Another tenant is added by add-sign-in-tenant.") from None
    return {"staff": "added" if added else "changed"}


def _cause() -> Cause:
    return Cause(SYSTEM, SystemClock().now(), str(uuid4()))


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise MalformedInput("role", f"must be one of {', '.join(Role)}") from None


async def add_sign_in_tenant(
    msps: MspStore, msp_id: MspId, tid: TenantId, cause: Cause
) -> tuple[TenantId, ...]:
    """Allow people of a tenant to be staff of an MSP; return all such tenants.

    Raises:
        NoSuchMsp: There is no such MSP.
        MalformedInput: The MSP already has the maximum number of such tenants.
    """
    return await decide_and_commit(
        lambda: head_of(msps, msp_id),
        lambda head: decide_sign_in_tenant(head, tid, cause),
        msps.commit,
    )


def decide_sign_in_tenant(
    head: MspHead, tid: TenantId, cause: Cause
) -> Decision[tuple[TenantId, ...]]:
    """Decide to add a tenant to sign in from; a tenant that is already there changes nothing."""
    msp = head.msp.value
    before = msp.sign_in_tenants
    if tid in before:
        return Decision(before)
    if len(before) >= MOST_SIGN_IN_TENANTS:
        raise MalformedInput("tid", f"is one too many: {MOST_SIGN_IN_TENANTS} are the most")
    after = (*before, tid)
    event = cause.event(
        msp.msp_id,
        "msp.sign_in_tenant_added",
        before={"signInTenants": list(before)},
        after={"signInTenants": list(after)},
    )
    changed = Replace(replace(msp, sign_in_tenants=after), head.msp.version)
    return Decision(after, (changed, Insert(event)))
