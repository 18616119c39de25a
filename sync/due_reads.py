"""Reading the data sets of a tenant that are due.

A first sync reads in two rounds, so that the tenant is shown as early as possible: the data sets
that are shown with it, and then all others.
"""

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic

from core.data_sets.identity import LICENCES, USERS
from core.refusals import Missing, lacks_plan
from core.service_plans import active_plans, plans_of
from domain.data_set import DataSet, Document, Each, Since
from domain.errors import DomainError
from domain.identifiers import TenantRef
from domain.ports.graph_reader import (
    INTERNAL_FAULT,
    Reading,
    Records,
    TenantReader,
    Unreadable,
    Wanted,
)
from domain.ports.synced_records import SyncedRecords
from domain.ports.tenant_data import TenantData
from domain.ports.user_index import UserIndex
from domain.ports.whole_reads import WholeReads
from domain.sync_state import FIRST_SYNC, Access, DataSetState, ReadState
from sync.cadences import due_data_sets, is_gained
from sync.lease import Lease, LeaseLost
from sync.read_states import lacking, not_licensed, unread, waiting
from sync.record_writer import RecordWriter
from sync.stored_data_set import StoredDataSet
from sync.sync_metrics import measured, measured_tenant
from sync.tally import Tally
from sync.user_index import IndexedUsers
from sync.users import sync_users

_log = logging.getLogger(__name__)

# How long a sync may be postponed because Graph asks to wait.
MAX_SYNC_DELAY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPorts:
    """The ports for reading; for `data_sets` and `interval` see `SyncPorts`."""

    records: SyncedRecords
    tenant_data: TenantData
    user_index: UserIndex
    whole_reads: WholeReads
    data_sets: Collection[DataSet]
    interval: timedelta


@dataclass(slots=True)
class DueReads:
    """Reads what is due of one tenant.

    Args:
        before: What the app had at the tenant before this sync.
        access: What it has now; it is stored when the sync ends, so that what is new is not
            forgotten if the sync is postponed or dies.
        done: The names of the data sets that this sync has tried to read.
        waits: The seconds that Graph asks to wait, of each data set that must wait.
    """

    ports: ReadPorts
    lease: Lease
    reader: TenantReader
    began: datetime = field(init=False)
    before: Access = field(init=False)
    access: Access = field(init=False)
    done: set[str] = field(default_factory=set)
    waits: list[float] = field(default_factory=list)
    _started: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.began = self.lease.clock.now()
        self.before = self.access = self.lease.state.access

    async def run(self) -> float | None:
        """Read everything that is due; return the seconds to wait if Graph asks to wait.

        Raises:
            LeaseLost: Another worker has the tenant now; nothing more is written.
        """
        with measured_tenant(self.lease.state.ref, self.reader.cost):
            await self._learn_permissions()
            if self.lease.state.first_synced_at is None:
                await self._read([one for one in self._due() if one.name in FIRST_SYNC])
                if any(entry.state is ReadState.SUCCEEDED for entry in self.lease.state.first_sets):
                    await self.lease.record_first_sync()
            await self._read(self._due())
            # A licence that is new makes further data sets due.
            await self._read(self._due())
        if not self.waits:
            self.lease.set_access(self.access)
        return max(self.waits, default=None)

    @property
    def has_read_first_sets(self) -> bool:
        """Whether this sync has read a data set that is shown with the tenant."""
        return not self.done.isdisjoint(FIRST_SYNC)

    async def _learn_permissions(self) -> None:
        granted = await self.reader.permissions(fresh=self._may_have_consented())
        if granted is not None:
            self.access = replace(self.access, permissions=granted)

    def _may_have_consented(self) -> bool:
        """Return whether the sync was asked for after a refusal: a cached token may be older."""
        wanted_at = self.lease.state.wanted_at
        return wanted_at is not None and any(
            entry.state is ReadState.NOT_AUTHORISED
            and entry.tried_at
            and entry.tried_at < wanted_at
            for entry in self.lease.state.data_sets.values()
        )

    def _due(self) -> list[DataSet]:
        state, known = self.lease.state, self.ports.data_sets
        due = due_data_sets(state, known, self.began, self.ports.interval)
        gained = [one for one in known if is_gained(state, one, self.before, self.access)]
        # The licences come first: what they contain explains why other data sets are refused.
        due.sort(key=lambda one: (one.name != LICENCES.name, one.name not in FIRST_SYNC))
        return [one for one in dict.fromkeys([*due, *gained]) if one.name not in self.done]

    async def _read(self, due: list[DataSet]) -> None:
        asked = [one for one in due if self._may_ask(one)]
        for one in due:
            if one not in asked:
                await self._note(self._not_asked(one))
        await self._read_stored([self._wanted(one) for one in asked if _is_direct(one)])
        for one in asked:
            if isinstance(one.shape, Each):
                await self._read_each(one, one.shape)
            elif one.name == USERS.name:
                await self._read_users(one)

    def _may_ask(self, data_set: DataSet) -> bool:
        """Return whether to ask Graph.

        The app has not asked everybody for the permissions of an optional data set, and there are
        no sign-ins to read while no account is watched.
        """
        if isinstance(data_set.shape, Since) and data_set.shape.watched:
            return bool(self.access.watched)
        granted = self.access.permissions
        return data_set.is_default or granted is None or granted.issuperset(data_set.permissions)

    def _not_asked(self, data_set: DataSet) -> DataSetState:
        """Return the state of a data set that is not read: what is missing, as far as is known."""
        before, granted = self._state(data_set), self.access.permissions
        if lacks_plan(data_set, self.access):
            return not_licensed(data_set, before)
        unknown = data_set.permissions if granted is None else granted
        permission = next((name for name in data_set.permissions if name not in unknown), None)
        return lacking(before, Missing(permission=permission)) if permission else waiting(before)

    def _wanted(self, data_set: DataSet) -> Wanted:
        shape = data_set.shape
        if not isinstance(shape, Since):
            return Wanted(data_set)
        watermark = self._state(data_set).watermark
        since = watermark - shape.overlap if watermark else self.began - shape.first
        return Wanted(data_set, since, self.access.watched if shape.watched else ())

    async def _read_stored(self, wanted: list[Wanted]) -> None:
        """Read data sets that are stored as a whole, in as few requests as possible."""
        if not wanted:
            return
        async for data_set, reading in self.reader.read(wanted):
            await self._keep(data_set, reading)

    async def _read_each(self, data_set: DataSet, shape: Each) -> None:
        if lack := self._lack_of(shape.of):
            await self._note(lacking(self._state(data_set), lack))
            return
        try:
            ids = shape.ids(await self._stored(shape.of))
        except Unreadable as failure:
            await self._keep(data_set, failure)
            return
        await self._read_stored([Wanted(data_set, ids=sorted(ids))])

    def _lack_of(self, names: Collection[str]) -> Missing | None:
        """Return what is missing to read one of some other data sets, if that was never read."""
        for entry in map(self.lease.state.data_set, names):
            if entry.state is ReadState.NOT_AUTHORISED and entry.synced_at is None:
                return Missing(permission=entry.missing_permission, roles=entry.missing_roles)
        return None

    async def _stored(self, names: Collection[str]) -> dict[str, list[Document]]:
        """Return the documents of other data sets; of one that is not licensed there are none.

        Raises:
            Unreadable: One of them was never read.
        """
        found: dict[str, list[Document]] = {}
        for name in names:
            state = self.lease.state
            documents = await self.ports.tenant_data.read(state.ref, name)
            if documents is None and state.data_set(name).state is not ReadState.NOT_LICENSED:
                raise Unreadable(f"{name} has not been read")
            found[name] = list((documents or {}).values())
        return found

    async def _keep(self, data_set: DataSet, reading: Reading) -> None:
        """Store what was read of a data set, and its state."""
        tally = Tally()
        stored = StoredDataSet(self.ports.tenant_data, self.lease, data_set, self.access, tally)
        async with self._attempt(data_set):
            with measured(self._ref, data_set.name, tally, self.reader.cost):
                if isinstance(reading, Unreadable):
                    raise reading
                state = await stored.keep(reading, self.began)
            await self._note(state)
            # A doubtful answer takes no plan away.
            is_sure = state.state is ReadState.SUCCEEDED and not reading.unreadable
            if data_set.name == LICENCES.name and is_sure:
                self._learn_plans(reading)

    async def _read_users(self, data_set: DataSet) -> None:
        await self.lease.renew_if_old()
        rows = RecordWriter(self.ports.records, self.lease)
        indexed = IndexedUsers(self.ports.user_index, rows)
        async with self._attempt(data_set):
            with measured(self._ref, data_set.name, rows.tally, self.reader.cost):
                state = await sync_users(indexed, self.reader, self.ports.whole_reads)
            await self._note(state)

    @asynccontextmanager
    async def _attempt(self, data_set: DataSet) -> AsyncIterator[None]:
        """Note the state of a data set that cannot be read; the others are read nevertheless."""
        try:
            yield
        except Unreadable as failure:
            if failure.retry_after is not None and self._may_wait(data_set, failure.retry_after):
                self.done.add(data_set.name)
                self.waits.append(failure.retry_after)
            else:
                await self._note(self._unread(data_set, failure))
        except (LeaseLost, DomainError):
            raise  # The error does not concern this data set only.
        except Exception:  # noqa: BLE001  a bug in one data set must not stop the others
            _log.exception("%s of a tenant could not be synced", data_set.name)
            await self._note(self._unread(data_set, Unreadable(INTERNAL_FAULT)))

    def _unread(self, data_set: DataSet, failure: Unreadable) -> DataSetState:
        delegated = self.reader.is_delegated
        return unread(data_set, self._state(data_set), failure, self.access, is_delegated=delegated)

    def _may_wait(self, data_set: DataSet, seconds: float) -> bool:
        """Return whether the tenant waits for a data set: the others are tried again when due."""
        if data_set.name not in FIRST_SYNC:
            return False
        waited = self.lease.clock.now() - self.lease.state.requested_at
        return waited.total_seconds() + seconds < MAX_SYNC_DELAY.total_seconds()

    async def _note(self, state: DataSetState) -> None:
        self.done.add(state.name)
        taken = round((monotonic() - self._started) * 1000)
        self._started = monotonic()
        await self.lease.note_data_set(replace(state, tried_at=self.began, duration_ms=taken))

    def _learn_plans(self, licences: Records) -> None:
        """Keep which of the plans that data sets need the tenant has."""
        plans = active_plans(record.document for record in licences.records)
        relevant = plans & plans_of(self.ports.data_sets)
        self.access = replace(self.access, plans=relevant)

    def _state(self, data_set: DataSet) -> DataSetState:
        return self.lease.state.data_set(data_set.name)

    @property
    def _ref(self) -> TenantRef:
        return self.lease.state.ref


def _is_direct(data_set: DataSet) -> bool:
    """Return whether a data set is stored as a whole, and depends on no other."""
    return data_set.name != USERS.name and not isinstance(data_set.shape, Each)
