"""What a sync concludes from doubtful, refused, throttled and missing answers."""

from datetime import timedelta

import pytest

from core.capabilities import READING
from core.data_sets.identity import DOMAINS, LICENCES
from core.data_sets.security import DIRECTORY_AUDITS, INCIDENTS, RISKY_USERS, SIGN_INS
from core.data_sets.usage import ACTIVE_USERS
from core.readiness import ReadinessState, readiness
from domain.operation import BreakGlassAccounts
from domain.ports.graph_reader import CONSENT_REQUIRED, Records, Refusal, Unreadable
from domain.ports.synced_records import SyncedRecord
from domain.row_changes import Insert
from domain.sync_state import ReadState, SyncPhase
from sync.sync_tenant import sync_tenant
from tests.due import find_due
from tests.fakes.sync_world import World

PLANS = [{"servicePlanName": "AAD_PREMIUM_P2", "provisioningStatus": "Success"}]
LICENCE = SyncedRecord("s", {"skuId": "s", "capabilityStatus": "Enabled", "servicePlans": PLANS})
DENIED = Refusal("Authorization_RequestDenied", is_denied=True)


async def later(world: World, **pause: float) -> None:
    """Let time pass, and sync if the schedule asks for it."""
    world.clock.advance(**pause)
    await find_due(world.ports)
    if world.queues.syncs:
        world.queues.syncs.clear()
        await sync_tenant(world.ports, world.tenant.ref)


@pytest.mark.parametrize("doubtful", [Records(()), Records((), ["s"])], ids=["empty", "unreadable"])
async def test_a_doubtful_answer_takes_no_plan_away(doubtful: Records) -> None:
    world = World()
    world.read_only(LICENCES, RISKY_USERS)
    world.graph.small = {LICENCES.name: Records([LICENCE])}
    assert (await world.sync()).data_set(RISKY_USERS.name).state is ReadState.SUCCEEDED
    world.graph.small = {LICENCES.name: doubtful}
    world.clock.advance(hours=7)
    assert (await world.sync()).data_set(RISKY_USERS.name).state is ReadState.SUCCEEDED


async def test_records_of_a_quiet_tenant_grow_too_old() -> None:
    world = World()
    world.read_only(DIRECTORY_AUDITS)
    event = {"id": "a", "activityDateTime": world.clock.now().isoformat()}
    world.graph.small = {DIRECTORY_AUDITS.name: Records([SyncedRecord("a", event)])}
    await world.sync()
    world.graph.small = {}
    for _ in range(32):
        await later(world, days=1)
    assert world.stored(DIRECTORY_AUDITS.name) == []


async def test_a_sync_on_demand_stores_again_what_was_lost() -> None:
    world = World()
    world.read_only(LICENCES)
    world.graph.small = {LICENCES.name: Records([LICENCE])}
    await world.sync()
    world.tenant_data.rows.clear()
    await world.sync()
    assert world.stored(LICENCES.name) == ["s"]


async def test_a_permission_that_was_gained_is_not_forgotten_by_a_sync_that_died() -> None:
    world = World()
    world.read_only(LICENCES, DOMAINS)
    world.graph.granted = frozenset({"LicenseAssignment.Read.All"})
    world.graph.small = {DOMAINS.name: Unreadable("403", DENIED)}
    await world.sync()
    world.graph.granted |= {"Domain.Read.All"}
    world.graph.small = {LICENCES.name: Unreadable("429", retry_after=60)}
    await later(world, hours=7)
    assert world.state.phase is SyncPhase.PENDING  # it waits for the licences
    assert world.state.data_set(DOMAINS.name).state is ReadState.SUCCEEDED
    assert world.state.access.permissions == frozenset({"LicenseAssignment.Read.All"})


@pytest.mark.parametrize("is_delegated", [True, False])
async def test_without_consent_a_permission_is_missing_and_no_role(is_delegated: bool) -> None:
    world = World()
    world.read_only(DOMAINS)
    world.graph.granted, world.graph.delegated = READING.application, is_delegated
    await world.sync()
    world.graph.granted = None
    refusal = Refusal(CONSENT_REQUIRED, is_denied=True)
    world.graph.small = {DOMAINS.name: Unreadable("no consent", refusal)}
    state = await world.sync()
    entry = state.data_set(DOMAINS.name)
    assert (entry.missing_permission, entry.missing_roles) == ("Domain.Read.All", ())
    shown = readiness(READING, state, is_own=not is_delegated)
    assert shown.state is ReadinessState.CONSENT_REQUIRED


async def test_a_throttled_report_does_not_hold_up_incidents() -> None:
    world = World()
    world.read_only(ACTIVE_USERS, INCIDENTS)
    world.graph.small = {ACTIVE_USERS.name: Unreadable("429", retry_after=3000)}
    await world.sync()
    assert world.state.data_set(ACTIVE_USERS.name).state is ReadState.FAILED
    for _ in range(3):
        await later(world, minutes=17)
    tried_at = world.state.data_set(INCIDENTS.name).tried_at
    assert tried_at is not None
    assert world.clock.now() - tried_at < timedelta(minutes=16)


async def test_sign_ins_of_an_account_that_is_declared_are_read_from_the_start() -> None:
    world = World()
    world.read_only(LICENCES, SIGN_INS)
    world.graph.small = {LICENCES.name: Records([LICENCE])}
    state = await world.sync()
    assert state.data_set(SIGN_INS.name).state is ReadState.PENDING  # nobody is watched
    ref = world.tenant.ref
    declared = BreakGlassAccounts(ref.msp_id, ref.tenant_id, ref.epoch, ("u1",))
    await world.store.commit((Insert(declared),))
    world.clock.advance(hours=7)
    state = await world.sync()
    (asked,) = [one for one in world.graph.wanted if one.data_set is SIGN_INS]
    assert asked.since == world.clock.now() - timedelta(days=7)
    assert state.data_set(SIGN_INS.name).state is ReadState.SUCCEEDED


async def test_a_sync_is_done_though_it_is_asked_for_all_the_time() -> None:
    world = World()
    world.read_only(LICENCES)
    world.graph.small = {LICENCES.name: Records([LICENCE])}

    async def ask_again() -> None:
        world.clock.advance(seconds=1)
        await world.request()

    world.graph.on_read = ask_again
    await world.sync()
    assert world.stored(LICENCES.name) == ["s"]
    assert world.state.data_set(LICENCES.name).state is ReadState.SUCCEEDED
    # Another sync follows, as it was asked for.
    assert (world.state.phase, len(world.queues.syncs)) == (SyncPhase.PENDING, 2)
