"""Which data sets a sync reads, and when the next is due."""

from datetime import timedelta

import pytest

from core.data_sets.identity import LICENCES, USERS
from core.data_sets.policies import CONDITIONAL_ACCESS, SECURITY_DEFAULTS
from core.data_sets.roles import ACCESS_REVIEWS, ROLE_ELIGIBILITIES, ROLE_GROUP_MEMBERS
from core.data_sets.security import DIRECTORY_AUDITS, INCIDENTS, SERVICE_HEALTH, SIGN_INS
from core.data_sets.usage import SIGN_IN_ACTIVITY
from core.known_data_sets import DATA_SETS
from domain.data_set import Cadence, DataSet
from domain.operation import BreakGlassAccounts
from domain.ports.graph_reader import Records, Refusal, Unreadable
from domain.ports.synced_records import SyncedRecord
from domain.row_changes import Insert
from domain.sync_state import DataSetState, ReadState, SyncPhase, SyncState
from sync.cadences import due_data_sets, next_due
from sync.sync_tenant import sync_tenant
from tests.due import find_due
from tests.fakes.sync_world import World
from tests.samples import NOW, tenant

_REGULAR = timedelta(hours=6)
DENIED = Refusal("Authorization_RequestDenied", is_denied=True)
NOT_PREMIUM = Refusal("Authentication_RequestFromNonPremiumTenantOrB2CTenant", is_denied=True)


def state_of(*entries: DataSetState, wanted: timedelta | None = None) -> SyncState:
    wanted_at = None if wanted is None else NOW + wanted
    states = {entry.name: entry for entry in entries}
    return SyncState(tenant().ref, SyncPhase.SUCCEEDED, NOW, wanted_at=wanted_at, data_sets=states)


def read(data_set: DataSet, state: ReadState = ReadState.SUCCEEDED) -> DataSetState:
    return DataSetState(data_set.name, state, tried_at=NOW)


@pytest.mark.parametrize(
    ("data_set", "state", "pause"),
    [
        (SERVICE_HEALTH, ReadState.SUCCEEDED, timedelta(minutes=15)),
        (SECURITY_DEFAULTS, ReadState.SUCCEEDED, timedelta(hours=1)),
        (LICENCES, ReadState.SUCCEEDED, _REGULAR),
        (SIGN_IN_ACTIVITY, ReadState.SUCCEEDED, timedelta(days=1)),
        (SERVICE_HEALTH, ReadState.FAILED, timedelta(minutes=15)),
        (SIGN_IN_ACTIVITY, ReadState.FAILED, timedelta(hours=1)),
        (SERVICE_HEALTH, ReadState.NOT_AUTHORISED, timedelta(days=1)),
        (SECURITY_DEFAULTS, ReadState.NOT_LICENSED, timedelta(days=1)),
    ],
)
def test_a_data_set_is_due_after_its_cadence(
    data_set: DataSet, state: ReadState, pause: timedelta
) -> None:
    known = state_of(read(data_set, state))
    assert next_due(known, [data_set], _REGULAR) == NOW + pause
    for early, due in ((timedelta(seconds=1), []), (timedelta(0), [data_set])):
        assert due_data_sets(known, [data_set], NOW + pause - early, _REGULAR) == due


def test_what_was_never_read_is_due_at_once() -> None:
    assert due_data_sets(state_of(), DATA_SETS.values(), NOW, _REGULAR) == [*DATA_SETS.values()]


def test_a_sync_on_demand_reads_all_but_daily_data_sets_that_were_read() -> None:
    known = state_of(*map(read, DATA_SETS.values()), wanted=timedelta(seconds=1))
    due = due_data_sets(known, DATA_SETS.values(), NOW + timedelta(seconds=2), _REGULAR)
    daily = {one.name for one in DATA_SETS.values() if one.cadence is Cadence.DAILY}
    assert {one.name for one in due} == DATA_SETS.keys() - daily
    refused = known.with_data_set(read(SIGN_IN_ACTIVITY, ReadState.NOT_LICENSED))
    due = due_data_sets(refused, DATA_SETS.values(), NOW + timedelta(seconds=2), _REGULAR)
    assert SIGN_IN_ACTIVITY in due


def test_the_earliest_data_set_decides_when_a_tenant_is_due() -> None:
    known = state_of(read(LICENCES), read(SERVICE_HEALTH))
    assert next_due(known, [LICENCES, SERVICE_HEALTH], _REGULAR) == NOW + timedelta(minutes=15)


async def test_a_day_of_syncs_reads_each_data_set_as_often_as_its_cadence_says() -> None:
    world = World()
    world.read_only(LICENCES, SECURITY_DEFAULTS, SERVICE_HEALTH, SIGN_IN_ACTIVITY)
    await world.sync()
    world.graph.wanted.clear()
    for _ in range(24 * 30):
        world.clock.advance(minutes=2)
        await find_due(world.ports)
        for ref in world.queues.syncs[:1]:
            await sync_tenant(world.ports, ref)
        world.queues.syncs.clear()
    names = [one.data_set.name for one in world.graph.wanted]
    counts = {name: names.count(name) for name in ("serviceHealth", "securityDefaults", "licences")}
    assert 80 <= counts["serviceHealth"] <= 96
    assert 20 <= counts["securityDefaults"] <= 24
    assert counts["licences"] in {3, 4}
    assert names.count("signInActivity") <= 1


# What a quiet tenant costs.


def _count(world: World) -> list[str]:
    operations: list[str] = []

    def counted(port: object, *names: str) -> None:
        for name in names:
            method = getattr(port, name)

            async def call(*given: object, _method: object = method, _name: str = name) -> object:
                operations.append(_name)
                return await _method(*given)  # type: ignore[operator]  # a method of the port

            setattr(port, name, call)

    counted(world.states, "find", "replace", "add")
    counted(world.store, "find", "head", "commit", "tenant_records")
    counted(world.tenant_data, "read", "read_all", "write")
    return operations


@pytest.mark.parametrize(
    ("cadence", "most"), [(Cadence.HOURLY, 4), (Cadence.QUARTER_HOURLY, 3)], ids=["hour", "quarter"]
)
async def test_reading_a_quiet_tenant_takes_few_table_operations(
    cadence: Cadence, most: int
) -> None:
    world = World()
    world.read_only(*(one for one in DATA_SETS.values() if one.cadence is cadence))
    policy = Records([SyncedRecord("p", {"id": "p", "state": "enabled"})])
    world.graph.small = {one.name: policy for one in world.ports.data_sets}
    await world.sync()
    world.clock.advance(hours=1, minutes=10)
    await find_due(world.ports)
    assert world.queues.syncs
    await world.ports.profiles.get(world.tenant.msp_id)  # read once a minute, for all tenants
    operations = _count(world)
    world.tenant_data.written.clear()
    world.graph.asked.clear()
    await sync_tenant(world.ports, world.tenant.ref)
    assert len(operations) <= most, operations
    assert world.tenant_data.written == []
    assert world.graph.asked == ["small data sets"]


# What a tenant lacks.


async def test_each_data_set_names_what_it_lacks_and_nothing_else_fails() -> None:
    world = World()
    world.graph.granted = frozenset({"Policy.Read.All", "AuditLog.Read.All", "User.Read.All"})
    world.graph.delegated = True
    world.read_only(CONDITIONAL_ACCESS, SERVICE_HEALTH, SECURITY_DEFAULTS, SIGN_IN_ACTIVITY)
    world.graph.small = {
        SERVICE_HEALTH.name: Unreadable("no", DENIED),
        SECURITY_DEFAULTS.name: Unreadable("no", DENIED),
        SIGN_IN_ACTIVITY.name: Unreadable("no", NOT_PREMIUM),
    }
    state = await world.sync()
    entries = state.data_sets
    assert entries[CONDITIONAL_ACCESS.name].state is ReadState.SUCCEEDED
    health = entries[SERVICE_HEALTH.name]
    assert (health.state, health.missing_permission) == (
        ReadState.NOT_AUTHORISED,
        "ServiceHealth.Read.All",
    )
    defaults = entries[SECURITY_DEFAULTS.name]
    assert (defaults.state, defaults.missing_permission, defaults.missing_roles) == (
        ReadState.NOT_AUTHORISED,
        None,
        SECURITY_DEFAULTS.roles,
    )
    activity = entries[SIGN_IN_ACTIVITY.name]
    assert (activity.state, activity.missing_plans) == (
        ReadState.NOT_LICENSED,
        SIGN_IN_ACTIVITY.plans,
    )
    assert activity.error == ("no: the tenant has no licence with AAD_PREMIUM or AAD_PREMIUM_P2")


async def test_a_permission_that_was_never_asked_for_is_not_tried() -> None:
    world = World()
    world.graph.granted = frozenset({"Policy.Read.All"})
    world.read_only(ACCESS_REVIEWS)
    state = await world.sync()
    entry = state.data_set(ACCESS_REVIEWS.name)
    assert entry.missing_permission == "AccessReview.Read.All"
    assert (entry.state, world.graph.wanted) == (ReadState.NOT_AUTHORISED, [])
    world.graph.granted |= {"AccessReview.Read.All"}
    state = await world.sync()
    assert state.data_set(ACCESS_REVIEWS.name).state is ReadState.SUCCEEDED
    assert state.data_set(ACCESS_REVIEWS.name).missing_permission is None


async def test_a_permission_or_a_licence_that_is_new_makes_data_sets_due_at_once() -> None:
    world = World()
    world.graph.granted = frozenset({"LicenseAssignment.Read.All", "AuditLog.Read.All"})
    world.read_only(LICENCES, SERVICE_HEALTH, SIGN_IN_ACTIVITY)
    refused = {
        SERVICE_HEALTH.name: Unreadable("no", DENIED),
        SIGN_IN_ACTIVITY.name: Unreadable("no", NOT_PREMIUM),
    }
    world.graph.small = dict(refused)
    await world.sync()
    plans = [{"servicePlanName": "AAD_PREMIUM", "provisioningStatus": "Success"}]
    sku = {"skuId": "s", "capabilityStatus": "Enabled", "servicePlans": plans}
    world.graph.small = {LICENCES.name: Records([SyncedRecord("s", sku)])}
    world.graph.granted |= {"ServiceHealth.Read.All"}
    world.clock.advance(hours=7)
    await find_due(world.ports)
    await sync_tenant(world.ports, world.tenant.ref)
    for one in (SERVICE_HEALTH, SIGN_IN_ACTIVITY):
        assert world.state.data_set(one.name).state is ReadState.SUCCEEDED
    assert world.state.access.plans == frozenset({"AAD_PREMIUM"})


async def test_an_empty_answer_without_a_licence_is_not_read_as_empty() -> None:
    world = World()
    world.read_only(LICENCES, INCIDENTS)
    world.graph.small = {LICENCES.name: Records([SyncedRecord("s", {"skuId": "s"})])}
    state = await world.sync()
    entry = state.data_set(INCIDENTS.name)
    assert (entry.state, entry.missing_plans) == (ReadState.NOT_LICENSED, INCIDENTS.plans)
    assert entry.count is None


# Data sets that are read incrementally, or of each of several objects.


async def test_an_incremental_read_goes_back_behind_the_last_one_and_merges() -> None:
    world = World()
    world.read_only(DIRECTORY_AUDITS)
    event = {"id": "a", "activityDateTime": "2026-11-10T02:00:00Z"}
    world.graph.small = {DIRECTORY_AUDITS.name: Records([SyncedRecord("a", event)])}
    await world.sync()
    assert world.graph.wanted[0].since == NOW - timedelta(days=7)
    world.graph.small = {DIRECTORY_AUDITS.name: Unreadable("500")}
    world.clock.advance(minutes=20)
    await world.sync()
    other = {"id": "b", "activityDateTime": "2026-11-10T03:10:00Z"}
    world.graph.small = {DIRECTORY_AUDITS.name: Records([SyncedRecord("b", other)])}
    world.clock.advance(minutes=20)
    state = await world.sync()
    # The failed read did not move the watermark.
    assert [one.since for one in world.graph.wanted[1:]] == [NOW - timedelta(hours=2)] * 2
    assert world.stored(DIRECTORY_AUDITS.name) == ["a", "b"]
    assert state.data_set(DIRECTORY_AUDITS.name).watermark == world.clock.now()
    later = {"id": "c", "activityDateTime": "2026-12-11T03:10:00Z"}
    world.graph.small = {DIRECTORY_AUDITS.name: Records([SyncedRecord("c", later)])}
    world.clock.advance(days=31)
    await world.sync()
    assert world.stored(DIRECTORY_AUDITS.name) == ["c"]


async def test_sign_ins_are_read_of_watched_accounts_only() -> None:
    world = World()
    world.read_only(LICENCES, SIGN_INS)
    await world.sync()
    assert [one.data_set for one in world.graph.wanted] == [LICENCES]
    ref = world.tenant.ref
    declared = BreakGlassAccounts(ref.msp_id, ref.tenant_id, ref.epoch, ("u1", "u2"))
    await world.store.commit((Insert(declared),))
    await world.sync()
    assert world.graph.wanted[2].ids == ("u1", "u2")


async def test_members_are_read_of_groups_that_other_data_sets_name() -> None:
    world = World()
    world.read_only(CONDITIONAL_ACCESS, DATA_SETS["roleAssignments"], ROLE_GROUP_MEMBERS)
    group = {"@odata.type": "#microsoft.graph.group"}
    assignment = {"id": "a", "principalId": "g2", "principal": group}
    policy = {"id": "p", "conditions": {"users": {"excludeGroups": ["g1"]}}}
    world.graph.small = {
        "roleAssignments": Records([SyncedRecord("a", assignment)]),
        CONDITIONAL_ACCESS.name: Records([SyncedRecord("p", policy)]),
    }
    state = await world.sync()
    entry = state.data_set(ROLE_GROUP_MEMBERS.name)
    assert (entry.state, entry.error) == (ReadState.FAILED, "roleEligibilities has not been read")
    world.read_only(*world.ports.data_sets, ROLE_ELIGIBILITIES)
    world.graph.small[ROLE_ELIGIBILITIES.name] = Unreadable(
        "no", Refusal("AadPremiumLicenseRequired", is_denied=False)
    )
    state = await world.sync()
    assert state.data_set(ROLE_ELIGIBILITIES.name).state is ReadState.NOT_LICENSED
    assert world.graph.wanted[-1].ids == ["g1", "g2"]
    assert state.data_set(ROLE_GROUP_MEMBERS.name).count == 0
    assert state.data_set(ROLE_GROUP_MEMBERS.name).state is ReadState.SUCCEEDED


async def test_members_lack_what_the_data_sets_lack_that_name_their_groups() -> None:
    world = World()
    world.read_only(DATA_SETS["roleAssignments"], ROLE_GROUP_MEMBERS)
    world.graph.granted = frozenset({"GroupMember.Read.All"})
    world.graph.small = {"roleAssignments": Unreadable("no", DENIED)}
    state = await world.sync()
    entry = state.data_set(ROLE_GROUP_MEMBERS.name)
    assert (entry.state, entry.missing_permission) == (
        ReadState.NOT_AUTHORISED,
        "RoleManagement.Read.Directory",
    )


async def test_a_first_sync_shows_the_tenant_before_it_reads_the_rest() -> None:
    world = World()
    world.read_only(USERS, LICENCES, CONDITIONAL_ACCESS, SERVICE_HEALTH)
    shown: list[bool] = []

    async def look() -> None:
        shown.append(world.state.first_synced_at is not None)

    world.graph.on_read = look
    await world.sync()
    assert shown == [False, True]
    first, second = world.graph.wanted[:2], world.graph.wanted[2:]
    assert [one.data_set for one in first] == [LICENCES, CONDITIONAL_ACCESS]
    assert [one.data_set for one in second] == [SERVICE_HEALTH]
