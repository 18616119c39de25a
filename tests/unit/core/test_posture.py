"""What a rule sees of a tenant, and what it can be used for."""

from datetime import timedelta

import pytest

from core.capabilities import MANAGING_USERS, MANIFEST, READING
from core.data_sets.identity import LICENCES, USERS
from core.data_sets.policies import CONDITIONAL_ACCESS, SECURITY_DEFAULTS
from core.data_sets.security import INCIDENTS
from core.data_sets.services import SHAREPOINT_SETTINGS
from core.posture import Known, Reason, Unread, UnreadDataSet, view
from core.read_posture import PosturePorts, read_posture
from core.readiness import Readiness, ReadinessState, all_readiness, readiness
from domain.data_set import DataSet, Documents
from domain.sync_state import Access, DataSetState, ReadState, SyncPhase, SyncState
from tests.fakes.indexed import user
from tests.fakes.sync_world import World
from tests.samples import NOW, tenant


def state(*entries: DataSetState, access: Access | None = None) -> SyncState:
    data_sets = {entry.name: entry for entry in entries}
    return SyncState(
        tenant().ref, SyncPhase.SUCCEEDED, NOW, data_sets=data_sets, access=access or Access()
    )


def read(name: str, state: ReadState = ReadState.SUCCEEDED, days: int = 0) -> DataSetState:
    return DataSetState(name, state, synced_at=NOW - timedelta(days=days), tried_at=NOW)


def test_what_was_read_has_its_documents_and_its_age() -> None:
    known = state(read("securityDefaults", days=6), read("conditionalAccessPolicies"))
    stored: dict[str, Documents] = {
        "securityDefaults": {"object": {"isEnabled": True}},
        "conditionalAccessPolicies": {},
    }
    posture = view(known, stored, NOW)
    assert posture.one(SECURITY_DEFAULTS)["isEnabled"] is True
    assert posture[CONDITIONAL_ACCESS] == ()
    assert posture.look_up(CONDITIONAL_ACCESS) == Known((), NOW)
    both = [SECURITY_DEFAULTS, CONDITIONAL_ACCESS]
    assert posture.oldest(both) == NOW - timedelta(days=6)
    assert posture.oldest([*both, USERS]) is None


@pytest.mark.parametrize(
    ("entry", "unread"),
    [
        (
            DataSetState("incidents", ReadState.NOT_LICENSED, missing_plans=("MTP",)),
            Unread(Reason.LICENCE, ("MTP",)),
        ),
        (
            DataSetState("incidents", ReadState.NOT_AUTHORISED, missing_permission="P"),
            Unread(Reason.PERMISSION, ("P",)),
        ),
        (
            DataSetState("incidents", ReadState.NOT_AUTHORISED, missing_roles=("R", "S")),
            Unread(Reason.ROLE, ("R", "S")),
        ),
        (DataSetState("incidents", ReadState.FAILED), Unread(Reason.ERROR)),
        (DataSetState("incidents"), Unread(Reason.NOT_READ_YET)),
        (read("incidents", days=8), Unread(Reason.STALE)),
    ],
    ids=lambda one: one.reason if isinstance(one, Unread) else "",
)
def test_reading_what_is_unread_raises_with_its_reason(entry: DataSetState, unread: Unread) -> None:
    stored: dict[str, Documents] = {"incidents": {}} if entry.synced_at else {}
    posture = view(state(entry), stored, NOW)
    assert posture.look_up(INCIDENTS) == unread
    with pytest.raises(UnreadDataSet) as refused:
        _ = posture[INCIDENTS]
    assert (refused.value.data_set, refused.value.unread) == (INCIDENTS, unread)


def test_a_read_that_has_failed_since_leaves_what_is_known_with_its_age() -> None:
    posture = view(state(read("incidents", ReadState.FAILED, days=1)), {"incidents": {}}, NOW)
    assert posture.look_up(INCIDENTS) == Known((), NOW - timedelta(days=1))


def test_an_object_that_is_not_there_is_no_empty_object() -> None:
    posture = view(state(read("sharePointSettings")), {"sharePointSettings": {}}, NOW)
    with pytest.raises(UnreadDataSet):
        posture.one(SHAREPOINT_SETTINGS)


async def test_a_posture_is_read_in_few_operations() -> None:
    world = World()
    ports = PosturePorts(
        sync_states=world.states, tenant_data=world.tenant_data, records=world.records
    )
    assert await read_posture(ports, world.tenant.ref, NOW, [USERS]) is None
    world.graph.pages = [[user("a"), user("b")]]
    await world.sync()
    world.tenant_data.operations = 0
    posture = await read_posture(ports, world.tenant.ref, NOW, [USERS, LICENCES])
    assert posture is not None
    assert [one["id"] for one in posture[USERS]] == ["a", "b"]
    assert posture[LICENCES] == ()
    assert world.tenant_data.operations == 1
    without = await read_posture(ports, world.tenant.ref, NOW, [LICENCES])
    assert without is not None
    assert isinstance(without.look_up(USERS), Unread)


GRANTED = MANIFEST | MANAGING_USERS.application


@pytest.mark.parametrize(
    ("access", "entries", "expected"),
    [
        (Access(), [], Readiness("users", ReadinessState.PENDING)),
        (Access(GRANTED), [], Readiness("users", ReadinessState.READY)),
        (
            Access(MANIFEST),
            [],
            Readiness("users", ReadinessState.CONSENT_REQUIRED, ("User.EnableDisableAccount.All",)),
        ),
        (
            Access(GRANTED),
            [DataSetState("users", ReadState.NOT_AUTHORISED, missing_roles=("Global Reader",))],
            Readiness("users", ReadinessState.ROLE_REQUIRED, ("Global Reader",)),
        ),
    ],
)
def test_a_capability_names_what_it_lacks(
    access: Access, entries: list[DataSetState], expected: Readiness
) -> None:
    known = state(*map(tried, MANAGING_USERS.reads), access=access)
    for entry in entries:
        known = known.with_data_set(entry)
    assert readiness(MANAGING_USERS, known, is_own=False) == expected


def tried(data_set: DataSet) -> DataSetState:
    return DataSetState(data_set.name, tried_at=NOW)


def test_a_capability_is_pending_until_what_it_reads_was_tried() -> None:
    known = state(access=Access(GRANTED))
    assert readiness(MANAGING_USERS, known, is_own=False).state is ReadinessState.PENDING


def test_only_the_partner_tenant_needs_the_permissions_of_the_app_itself() -> None:
    known = state(*map(tried, READING.reads), access=Access(READING.delegated))
    assert readiness(READING, known, is_own=False).state is ReadinessState.READY
    own = readiness(READING, known, is_own=True)
    assert own.missing == ("DelegatedAdminRelationship.ReadWrite.All",)
    assert [one.state for one in all_readiness(None, is_own=True)] == [ReadinessState.PENDING] * 3
