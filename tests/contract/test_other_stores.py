import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.consent_session import ConsentSession, hash_state
from domain.digest import to_stored
from domain.errors import ConcurrentChange
from domain.identifiers import MspId, ObjectId, ScheduleRange, SessionRef, TenantRef, new_epoch
from domain.ports.pending_work import PendingWork
from domain.ports.synced_records import SyncedRecord
from domain.sync_state import (
    Access,
    DataSetState,
    ReadState,
    ScheduledSync,
    SyncPhase,
    SyncState,
)
from domain.work_queues import COMPLETE_CONSENT, PURGE_TENANT
from tests.contract.conftest import Ports
from tests.due import due_entries
from tests.samples import CUSTOMER, NOW, OTHER, OWN, OWNER_OID, version


@pytest.fixture
def ref() -> TenantRef:
    """A newly added tenant of a new MSP."""
    return TenantRef(MspId(str(uuid4())), CUSTOMER, new_epoch())


async def test_a_session_is_spent_once(ports: Ports) -> None:
    session = ConsentSession(
        *(hash_state(str(uuid4())), MspId("m"), OWN, OWNER_OID, "Adele", NOW), customer=CUSTOMER
    )
    await ports.consent_sessions.add(session)
    known = version(await ports.consent_sessions.find(session.session))
    assert known.value == session
    spent = replace(session, spent_at=NOW, finished_at=NOW + timedelta(microseconds=1))

    async def spend() -> bool:
        try:
            await ports.consent_sessions.replace(spent, known.version)
        except ConcurrentChange:
            return False
        return True

    assert sum(await asyncio.gather(*(spend() for _ in range(10)))) == 1
    assert version(await ports.consent_sessions.find(session.session)).value == spent
    assert await ports.consent_sessions.find(hash_state("unknown")) is None


async def test_a_person_is_claimed_by_one_msp(ports: Ports) -> None:
    oid, index = ObjectId(str(uuid4())), ports.staff_index
    claims = await asyncio.gather(*(index.claim(OWN, oid, MspId(f"m{n}")) for n in range(10)))
    (holder,) = set(claims)
    assert version(await index.msp_of(OWN, oid)).value == holder
    await index.release(OWN, oid, MspId("somebody else"))
    assert await index.msp_of(OWN, oid) is not None
    await index.release(OWN, oid, holder)
    assert await index.msp_of(OWN, oid) is None


async def test_a_sync_state_is_guarded_by_its_version(ports: Ports, ref: TenantRef) -> None:
    state = SyncState(ref, SyncPhase.PENDING, NOW)
    await ports.sync_states.add(state)
    with pytest.raises(ConcurrentChange):
        await ports.sync_states.add(state)
    known = version(await ports.sync_states.find(ref))
    assert known.value == state
    users = DataSetState("users", ReadState.SUCCEEDED, 7, NOW, NOW, 12, error="é", digest="digest")
    users = replace(users, delta_link="a", next_link="b", unreadable=3, whole_at=NOW)
    users = replace(users, suspected_at=NOW, suspected="keys")
    incidents = DataSetState(
        *("incidents", ReadState.NOT_AUTHORISED),
        missing_permission="SecurityIncident.Read.All",
        missing_roles=("Security Reader", "Global Reader"),
        missing_plans=("MTP",),
        watermark=NOW,
    )
    running = replace(
        state,
        phase=SyncPhase.RUNNING,
        lease_until=NOW,
        first_synced_at=NOW,
        last_synced_at=NOW,
        not_before=NOW,
        due_at=NOW,
        queued_until=NOW,
        asked_again_at=NOW,
        wanted_at=NOW,
        access=Access(frozenset({"User.Read.All"}), frozenset({"AAD_PREMIUM"}), ("one", "two")),
    )
    running = running.with_data_set(users).with_data_set(incidents)
    newer = await ports.sync_states.replace(running, known.version)
    with pytest.raises(ConcurrentChange):
        await ports.sync_states.replace(state, known.version)
    assert version(await ports.sync_states.find(ref)).version == newer
    assert version(await ports.sync_states.find(ref)).value == running
    for found in (
        await ports.sync_states.of_msp(ref.msp_id),
        await ports.sync_states.of_msp(ref.msp_id, CUSTOMER, CUSTOMER),
    ):
        # A list may leave out the states of data sets that it does not show.
        assert {known: listed.first_sets for known, listed in found.items()} == {
            ref: running.first_sets
        }
    assert await ports.sync_states.of_msp(ref.msp_id, OTHER, OTHER) == {}
    await ports.sync_states.remove(ref)
    await ports.sync_states.remove(ref)
    with pytest.raises(ConcurrentChange):
        await ports.sync_states.replace(running, newer)


async def test_records_come_back_as_graph_gave_them(ports: Ports, ref: TenantRef) -> None:
    odd = {"id": "a", "name": "🦊é" * 40_000, "none": None, "list": [1, {"x": 0.5}], "": "\u0000"}
    records = [
        to_stored(SyncedRecord("a/b\\c#d?e%41", odd)),
        to_stored(SyncedRecord("b", {"id": "b"})),
    ]
    await ports.records.write(ref, records)
    page = await ports.records.page(ref, 10)
    assert list(page.items) == [odd, {"id": "b"}]
    digests = {record.key: record.digest for record in records}
    assert await ports.records.digests(ref) == digests
    assert await ports.records.digests(ref, ["b", "c"]) == {"b": digests["b"]}
    assert await ports.records.read(ref, ["a/b\\c#d?e%41", "c"]) == {"a/b\\c#d?e%41": odd}
    await ports.records.delete(ref, ["a/b\\c#d?e%41", "gone already"])
    assert list((await ports.records.page(ref, 10)).items) == [{"id": "b"}]


async def test_what_a_read_has_met_is_known_of_that_read_alone(
    ports: Ports, ref: TenantRef
) -> None:
    met, later = ports.whole_reads, replace(ref, epoch=new_epoch())
    keys = [f"{number:06d}" for number in range(150_000)]
    await met.add(ref, "first", keys[:140_000])  # more than a row holds
    await met.add(ref, "first", ["149999", None])
    await met.add(ref, "second", ["000001"])
    await met.add(later, "first", ["000002"])
    assert await met.met(ref, "first", keys) == {*keys[:140_000], "149999", None}
    assert await met.met(ref, "second", keys) == {"000001"}
    assert await met.met(ref, "third", keys) == set()
    await met.forget(ref)
    await met.forget(ref)
    assert await met.met(ref, "first", keys) == await met.met(ref, "second", keys) == set()
    assert await met.met(later, "first", keys) == {"000002"}


async def test_a_purge_takes_one_life_and_no_other(ports: Ports, ref: TenantRef) -> None:
    later = replace(ref, epoch=new_epoch())
    records = [to_stored(SyncedRecord(f"{n:04d}", {"n": n})) for n in range(250)]
    await ports.records.write(ref, records)
    await ports.records.write(later, records[:3])
    assert await ports.records.purge(ref, 120) == 120
    assert len((await ports.records.page(ref, 200)).items) == 130
    assert await ports.records.purge(ref, 1000) == 130
    assert await ports.records.purge(ref, 1000) == 0
    assert (await ports.records.page(ref, 10)).items == ()
    assert len((await ports.records.page(later, 10)).items) == 3


async def test_records_page_in_the_order_of_their_keys(ports: Ports, ref: TenantRef) -> None:
    await ports.records.write(
        ref, [to_stored(SyncedRecord(f"{n:04d}", {"n": n})) for n in reversed(range(1001))]
    )
    seen: list[int] = []
    token = None
    while True:
        page = await ports.records.page(ref, 500, token)
        seen += [document["n"] for document in page.items]
        token = page.next_token
        if token is None:
            break
    assert seen == list(range(1001))


async def test_work_stays_on_record_until_it_is_dropped(ports: Ports, ref: TenantRef) -> None:
    session = SessionRef(ref.msp_id, hash_state("x"))
    purge = PendingWork(PURGE_TENANT, ref, NOW)
    consent = PendingWork(COMPLETE_CONSENT, session, NOW)

    async def found(minutes: int) -> set[PendingWork]:
        moment = NOW + timedelta(minutes=minutes)
        mine = [i async for i in ports.pending_work.queued_before(moment)]
        return {intent for intent in mine if intent.subject.msp_id == ref.msp_id}

    await ports.pending_work.record(purge)
    await ports.pending_work.record(consent)
    assert await found(0) == set()
    assert await found(1) == {purge, consent}
    later = replace(purge, queued_at=NOW + timedelta(minutes=2))
    await ports.pending_work.record(later)
    assert await found(1) == {consent}
    await ports.pending_work.drop(PURGE_TENANT, ref)
    await ports.pending_work.drop(PURGE_TENANT, ref)
    await ports.pending_work.drop(COMPLETE_CONSENT, session)
    assert await found(9) == set()


async def test_progress_on_record_stays_when_the_time_is_written_anew(
    ports: Ports, ref: TenantRef
) -> None:
    kind = PURGE_TENANT
    assert await ports.pending_work.find(kind, ref) is None
    progress = PendingWork(kind, ref, NOW, (("licences", 1), ("users", 1000)), NOW + timedelta(1))
    await ports.pending_work.record(PendingWork(kind, ref, NOW))
    await ports.pending_work.record(progress)
    later = NOW + timedelta(minutes=2)
    await ports.pending_work.record(PendingWork(kind, ref, later))
    assert await ports.pending_work.find(kind, ref) == replace(progress, queued_at=later)
    await ports.pending_work.drop(kind, ref)
    assert await ports.pending_work.find(kind, ref) is None


async def test_the_schedule_tells_what_is_due_in_whole_seconds(
    ports: Ports, ref: TenantRef
) -> None:
    first, later = ScheduledSync(ref, NOW), ScheduledSync(ref, NOW + timedelta(seconds=1))

    async def due(seconds: float) -> set[ScheduledSync]:
        found = due_entries(ports.sync_schedule, NOW + timedelta(seconds=seconds))
        return {entry async for entry in found if entry.ref == ref}

    for entry in (first, later, first):
        await ports.sync_schedule.add(entry)
    assert await due(-1) == set()
    assert await due(0) == await due(0.5) == {first}
    assert await due(60) == {first, later}
    await ports.sync_schedule.remove(first)
    await ports.sync_schedule.remove(first)
    assert await due(60) == {later}


async def test_a_range_of_the_schedule_holds_what_lies_between_and_is_due(ports: Ports) -> None:
    msp_id, schedule = MspId(str(uuid4())), ports.sync_schedule
    refs = [TenantRef(msp_id, CUSTOMER, new_epoch()) for _ in range(3)]  # in one partition
    entries = [
        ScheduledSync(ref, NOW + timedelta(seconds=second)) for second in range(3) for ref in refs
    ]
    for entry in entries:
        await schedule.add(entry)

    async def due(within: ScheduleRange, seconds: float) -> list[ScheduledSync]:
        found = schedule.due(within, NOW + timedelta(seconds=seconds))
        return [entry async for entry in found if entry.ref.msp_id == msp_id]

    everything = [await due(partition, 60) for partition in schedule.partitions()]
    (found,) = filter(None, everything)
    assert len(found) == len(entries)
    assert set(found) == set(entries)
    assert [entry.due_at for entry in found] == sorted(entry.due_at for entry in entries)
    assert await due(schedule.between(found[1], found[7]), 60) == found[1:8]
    assert await due(schedule.between(found[1], found[7]), 1) == found[1:6]
    assert await due(schedule.between(found[4], found[4]), 60) == [found[4]]
    assert await due(schedule.between(found[4], found[4]), 0) == []


async def test_a_page_holds_what_is_kept_and_goes_on_after_it(ports: Ports, ref: TenantRef) -> None:
    rows = [to_stored(SyncedRecord(f"{n:04d}", {"n": n})) for n in range(700)]
    await ports.records.write(ref, rows)
    seen: list[int] = []
    token = None
    while True:
        page = await ports.records.page(ref, 2, token, lambda row: row["n"] % 150 == 1)
        assert len(page.items) <= 2
        seen += [document["n"] for document in page.items]
        token = page.next_token
        if token is None:
            break
    assert seen == [1, 151, 301, 451, 601]
