"""Requests for operations: what is checked, recorded and audited, and how keys work."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.tables.rows import to_entity
from core.operations.request import request_operation
from core.operations.rows import MOST_WAITING
from core.operations.run import run_operation
from domain.errors import (
    ConfirmationRequired,
    ConsentRequired,
    DomainError,
    IdempotencyMismatch,
    MasteredOnPremises,
    MicrosoftUnavailable,
    PermissionMissing,
    TenantNotManageable,
    TooManyOperations,
    UserNotFound,
)
from domain.operation import OperationQueue, OperationState, new_operation_id
from domain.ports.graph_writer import Refused
from domain.roles import Role, StaffMember
from domain.row_changes import Insert, Remove
from domain.tenant import Tenant, TenantStatus
from domain.work_queues import RUN_OPERATION
from tests.fakes.microsoft import PERMISSIONS
from tests.samples import CONTOSO, NOW, version
from tests.unit.core.operations.world import (
    DISABLE,
    ENABLE,
    OTHER_USER,
    OURS,
    THEIRS,
    USER,
    World,
    member,
)


async def test_a_short_operation_is_carried_out_at_once_and_audited() -> None:
    world = World()
    operation = await world.request(target=f"{USER[:4]}@CONTOSO.com", reason="Left the company")
    assert operation.state is OperationState.SUCCEEDED
    assert (operation.target_id, operation.target_name) == (USER, f"{USER[:4]}@contoso.com")
    assert operation.before == {"id": USER, "accountEnabled": True}
    assert operation.after == {"id": USER, "accountEnabled": False}
    assert not world.microsoft.enabled(THEIRS, USER)
    assert world.microsoft.enabled(THEIRS, OTHER_USER)
    requested, succeeded = sorted(world.events, key=lambda event: event.action)
    assert (requested.action, succeeded.action) == ("operation.requested", "operation.succeeded")
    assert requested.actor == succeeded.actor == operation.requested_by
    assert (requested.after or {})["reason"] == "Left the company"
    assert (succeeded.before or {})["accountEnabled"] is True
    assert (succeeded.after or {})["accountEnabled"] is False
    assert world.pending_work.rows == {}
    assert world.queue == ()
    assert world.stored_states(THEIRS) == (False, 0, 0)
    assert world.stored_states(OURS) == (True, 1, 1)


async def test_the_audit_event_is_in_the_transaction_of_the_record() -> None:
    world = World()
    await world.request()
    actions = [
        [type(change.row).__name__ for change in commit]
        for commit in world.store.commits
        if any(type(change.row).__name__ == "AuditEvent" for change in commit)
    ]
    assert actions[0] == ["Operation", "OperationEntry", "AuditEvent", "OperationQueue"]
    assert actions[1] == ["Operation", "AuditEvent", "OperationQueue"]


async def test_a_user_who_is_disabled_already_is_not_disabled_again() -> None:
    world = World()
    world.microsoft.change(THEIRS, USER, accountEnabled=False)
    operation = await world.request()
    assert operation.state is OperationState.SUCCEEDED
    assert operation.before == operation.after == {"id": USER, "accountEnabled": False}
    assert world.microsoft.writes == []


async def test_a_long_operation_is_queued() -> None:
    world = World()
    long = replace(DISABLE, is_short=False)
    world.kinds[long.name] = long
    operation = await world.request(long)
    assert operation.state is OperationState.REQUESTED
    assert world.message() == operation.ref
    await run_operation(world.ports, operation.ref)
    assert world.operations[0].state is OperationState.SUCCEEDED


def not_active(**changes: Any) -> Tenant:
    return replace(THEIRS, **changes)


@pytest.mark.parametrize(
    ("where", "error", "text"),
    [
        (not_active(status=TenantStatus.SUSPENDED), TenantNotManageable, "suspended"),
        (not_active(status=TenantStatus.OFFBOARDED), TenantNotManageable, "offboarded"),
        (not_active(connection_lost_at=NOW), TenantNotManageable, "GDAP"),
    ],
)
async def test_a_tenant_that_cannot_be_managed_is_not_changed(
    where: Tenant, error: type[DomainError], text: str
) -> None:
    world = World()
    with pytest.raises(error, match=text):
        await world.request(where=where)
    assert world.operations == []
    assert world.store.commits == []


async def test_what_microsoft_says_before_is_checked_before_anything_is_recorded() -> None:
    world = World()
    world.microsoft.held = PERMISSIONS - {"User.EnableDisableAccount.All"}
    with pytest.raises(ConsentRequired, match=r"User\.EnableDisableAccount\.All"):
        await world.request()
    world.microsoft.held_when_fresh = PERMISSIONS
    assert (await world.request()).state is OperationState.SUCCEEDED
    with pytest.raises(UserNotFound):
        await world.request(target="nobody@contoso.com")
    world.microsoft.add(THEIRS, OTHER_USER, is_synced=True)
    for kind in (DISABLE, ENABLE):
        with pytest.raises(MasteredOnPremises):
            await world.request(kind, target=OTHER_USER)
    assert len(world.operations) == 1


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("where", [THEIRS, OURS], ids=["customer", "partner tenant"])
async def test_the_partner_tenants_users_need_a_higher_role(where: Tenant, role: Role) -> None:
    world = World()
    at_partner = {Role.OWNER, Role.ADMIN, Role.L3}
    allowed = at_partner if where is OURS else at_partner | {Role.L2}
    if role in allowed:
        assert await world.request(where=where, who=member(role))
    else:
        with pytest.raises(PermissionMissing):
            await world.request(where=where, who=member(role))
        assert world.operations == []


async def test_who_holds_an_entra_role_is_changed_by_owners_and_admins_only() -> None:
    world = World()
    world.microsoft.add(THEIRS, USER, roles={"fe930be7-5e62-47db-91af-98c3a49a38b1"})
    with pytest.raises(PermissionMissing, match="USERS_PRIVILEGED"):
        await world.request(who=member(Role.L3))
    assert await world.request(who=member(Role.ADMIN))


async def test_the_rights_are_checked_again_when_it_is_carried_out() -> None:
    world = World()
    long = replace(DISABLE, is_short=False)
    world.kinds[long.name] = long
    who = member(Role.L2)
    operation = await world.request(long, who=who)
    known = version(await world.store.find(StaffMember, CONTOSO, who.tid, who.oid))
    await world.store.commit([Remove(known.value, known.version)])
    await run_operation(world.ports, operation.ref)
    failed = world.operations[0]
    assert failed.state is OperationState.FAILED
    assert failed.failure is not None
    assert failed.failure.code == "permission_missing"
    assert world.microsoft.writes == []
    assert world.queue == ()


@pytest.mark.parametrize(
    ("where", "roles", "answer", "code"),
    [
        (THEIRS, (), Refused(403, "Authorization_RequestDenied"), "role_required"),
        (THEIRS, ("r",), Refused(403, "Authorization_RequestDenied"), "privileged_user"),
        (OURS, ("r",), Refused(403, "Authorization_RequestDenied"), "privileged_user"),
        (OURS, (), Refused(403, "Authorization_RequestDenied", "id-1"), "microsoft_error"),
        (THEIRS, (), Refused(404, "Request_ResourceNotFound"), "user_not_found"),
        (THEIRS, (), Refused(400, "Request_BadRequest", "id-1"), "microsoft_error"),
    ],
)
async def test_a_refusal_is_told_apart_by_what_was_read_before(
    where: Tenant, roles: tuple[str, ...], answer: Refused, code: str
) -> None:
    world = World()
    world.microsoft.add(where, USER, roles=roles)
    world.microsoft.script = [answer]
    operation = await world.request(where=where)
    assert operation.state is OperationState.FAILED
    assert operation.failure is not None
    assert operation.failure.code == code
    if code == "microsoft_error":
        assert answer.code in operation.failure.message
        assert "id-1" in operation.failure.message
    failed = [event for event in world.events if event.action == "operation.failed"]
    assert [event.outcome for event in failed] == [code]
    assert len(world.microsoft.writes) == 1
    assert world.queue == ()
    assert world.stored_states(where) == (True, 1, 1)


async def test_a_key_finds_its_operation_for_a_day() -> None:
    world = World()
    first = await world.request(key="k-1")
    world.clock.advance(hours=23)
    assert await world.request(key="k-1") == first
    for changes in ({"target": OTHER_USER}, {"reason": "x"}, {"override": True}):
        with pytest.raises(IdempotencyMismatch):
            await world.request(key="k-1", **changes)
    with pytest.raises(IdempotencyMismatch):
        await world.request(ENABLE, key="k-1")
    with pytest.raises(IdempotencyMismatch):
        await world.request(where=OURS, key="k-1")
    other = await world.request(ENABLE, key="k-2")
    assert other.operation_id != first.operation_id
    world.clock.advance(hours=1)
    again = await world.request(ENABLE, target=OTHER_USER, key="k-1")
    assert again.operation_id != first.operation_id
    assert await world.request(ENABLE, target=OTHER_USER, key="k-1") == again


async def test_a_failed_operation_is_found_by_its_key_too() -> None:
    world = World()
    world.microsoft.script = [Refused(400, "Request_BadRequest")]
    first = await world.request(key="k-1")
    assert await world.request(key="k-1") == first
    assert len(world.microsoft.writes) == 1


async def test_without_a_key_every_request_is_an_operation() -> None:
    world = World()
    first, second = await world.request(), await world.request()
    assert first.operation_id != second.operation_id
    assert len(world.microsoft.writes) == 1


async def test_the_partner_tenants_policies_need_its_name() -> None:
    world = World()
    policy = replace(DISABLE, name="policy", confirms=True)
    world.kinds["policy"] = policy
    for confirm in (None, "", "northwindtraders.com"):
        with pytest.raises(ConfirmationRequired):
            await world.request(policy, OURS, confirm=confirm)
    with pytest.raises(ConfirmationRequired):
        await world.request(policy, replace(OURS, primary_domain=None), confirm="")
    assert await world.request(policy, OURS, confirm="Contoso.com")
    assert await world.request(policy, THEIRS)


async def test_microsoft_away_before_the_record_records_nothing() -> None:
    world = World()
    world.microsoft.failure = MicrosoftUnavailable("no answer")
    with pytest.raises(MicrosoftUnavailable):
        await world.request()
    assert world.operations == []


async def test_microsoft_away_afterwards_is_waited_for() -> None:
    world = World()
    world.microsoft.script = [MicrosoftUnavailable("no token")]
    operation = await request_operation(world.ports, world.wanted(), world.cause())
    assert operation.state is OperationState.RUNNING
    assert world.message() == operation.ref
    await world.recover()
    assert world.operations[0].state is OperationState.SUCCEEDED


async def test_what_cannot_be_done_within_a_day_is_not_done_any_more() -> None:
    world = World()
    long = replace(DISABLE, is_short=False)
    world.kinds[long.name] = long
    operation = await world.request(long)
    world.clock.advance(hours=24)
    await run_operation(world.ports, operation.ref)
    assert world.operations[0].state is OperationState.FAILED
    assert world.operations[0].failure is not None
    assert world.operations[0].failure.code == "operation_expired"
    assert world.microsoft.writes == []


async def test_a_kind_of_a_newer_release_waits() -> None:
    world = World()
    newer = replace(DISABLE, name="newer", is_short=False)
    operation = await world.request(newer)
    await run_operation(world.ports, operation.ref)
    assert world.queue == (operation.operation_id,)
    assert world.pending_work.rows[RUN_OPERATION, operation.ref].queued_at > world.clock.now()
    world.kinds["newer"] = newer
    await run_operation(world.ports, operation.ref)
    assert world.operations[0].state is OperationState.SUCCEEDED


async def test_a_full_queue_takes_no_more() -> None:
    world = World()
    ids = tuple(new_operation_id(world.clock.now()) for _ in range(MOST_WAITING))
    queue = OperationQueue(CONTOSO, THEIRS.tenant_id, THEIRS.epoch, ids)
    await world.store.commit([Insert(queue)])
    with pytest.raises(TooManyOperations):
        await world.request()
    assert len(to_entity(queue)["waiting"]) < 32_000
