"""The lease on a tenant's sync: only its holder writes, and it expires if the holder crashes."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.errors import ConcurrentChange, StorageUnavailable
from domain.identifiers import TenantRef
from domain.ports.clock import Clock
from domain.ports.sync_states import SyncStates
from domain.sync_state import Access, DataSetState, RollUp, SyncPhase, SyncState

LEASE = timedelta(minutes=2)
_RENEWED_AFTER = LEASE / 4
_SHOWN_AFTER = timedelta(seconds=2)
OPEN = {SyncPhase.PENDING, SyncPhase.RUNNING}


class LeaseLost(Exception):
    """Another worker has the tenant now, or it was removed: write nothing more."""


@dataclass(slots=True)
class Lease:
    """A worker's lease on a tenant: the state row in the version that the worker wrote last.

    The lease is taken by the first write: a read that finds nothing new writes only its end. If two
    workers read the same tenant, the first write of one of them fails.

    Args:
        written_at: When this worker wrote the row last, or read it.
        until: The end of the lease, as stored in the row; None before the first write.
        found: The row as it was found, until the first write.
    """

    states: SyncStates
    clock: Clock
    state: SyncState
    version: str
    written_at: datetime
    until: datetime | None
    found: SyncState | None = None

    async def renew_if_old(self) -> None:
        """Renew the lease if it is old, before something is written for the tenant.

        Raises:
            LeaseLost: The row is no longer as this worker wrote it.
        """
        if self.until is None or self.clock.now() - self.written_at >= _RENEWED_AFTER:
            await self._renew(self.state)

    async def note_data_set(self, data_set: DataSetState) -> None:
        """Keep a data set's state; store the state if the last write was two seconds ago or more.

        Raises:
            LeaseLost: The row is no longer as this worker wrote it.
        """
        self.state = self.state.with_data_set(data_set)
        if self.clock.now() - self.written_at >= _SHOWN_AFTER:
            await self._renew(self.state)

    def set_roll_up(self, roll_up: RollUp) -> None:
        """Keep the tenant's figures; they are stored with the state."""
        self.state = replace(self.state, roll_up=roll_up)

    def set_access(self, access: Access) -> None:
        """Keep what the app has at the tenant; it is stored with the state."""
        self.state = replace(self.state, access=access)

    def read_from_the_start(self, name: str) -> None:
        """Let the next read of an incremental data set go back as far as its first one."""
        self.state = self.state.with_data_set(replace(self.state.data_set(name), watermark=None))

    async def record_first_sync(self) -> None:
        """Store that the first sync has read something, unless it is stored already.

        Raises:
            LeaseLost: The row is no longer as this worker wrote it.
        """
        if self.state.first_synced_at is None:
            await self._renew(replace(self.state, first_synced_at=self.clock.now()))

    async def record(self, data_set: DataSetState) -> None:
        """Store a data set's state.

        Raises:
            LeaseLost: The row is no longer as this worker wrote it.
        """
        await self._renew(self.state.with_data_set(data_set))

    async def end(self, phase: SyncPhase, last_synced_at: datetime | None) -> None:
        """Store how the sync ended, and release the lease.

        Raises:
            LeaseLost: The row is no longer as this worker wrote it.
        """
        ended = replace(self.state, phase=phase, lease_until=None, last_synced_at=last_synced_at)
        await self._write(ended)

    @property
    def is_asked_again(self) -> bool:
        """Whether another sync was requested while this one was running."""
        return self.state.asked_again_at is not None

    def is_wanted_since(self, began: datetime) -> bool:
        """Return whether somebody has asked for a sync since this one began to read."""
        return self.state.wanted_at is not None and self.state.wanted_at > began

    async def postpone(self, until: datetime) -> None:
        """Release the lease until Graph may be called again; what was read so far is kept.

        Raises:
            LeaseLost: The row is no longer as this worker wrote it.
        """
        pending = replace(self.state, phase=SyncPhase.PENDING, lease_until=None)
        await self._write(replace(pending, not_before=until))

    async def release(self, *, is_queued: bool = True) -> None:
        """Release the lease, so that the next worker need not wait until it expires.

        Args:
            is_queued: Whether the message is delivered again; otherwise the next request queues
                one.
        """
        until = self.state.queued_until if is_queued else None
        pending = replace(self.state, phase=SyncPhase.PENDING, lease_until=None, queued_until=until)
        # If storage does not answer or another worker has the row, nothing can be done.
        with suppress(LeaseLost, StorageUnavailable):
            await self._write(pending)

    async def _renew(self, state: SyncState) -> None:
        await self._write(replace(state, lease_until=self.clock.now() + LEASE))

    async def _write(self, state: SyncState) -> None:
        try:
            self.version = await self.states.replace(state, self.version)
        except ConcurrentChange:
            state = await self._write_over_request(state)
        self.state, self.written_at = state, self.clock.now()
        self.until, self.found = state.lease_until, None

    def _is_only_asked(self, stored: SyncState) -> bool:
        if self.found is None:
            return stored.lease_until is not None and stored.lease_until == self.until
        return replace(stored, wanted_at=self.found.wanted_at) == self.found

    async def _write_over_request(self, state: SyncState) -> SyncState:
        """Overwrite a row that only a request has changed: the lease is still this worker's.

        Two holders never have leases with the same end, so an unchanged end proves it. Before the
        first write, a request changes only when a sync is wanted.
        """
        known = await self.states.find(state.ref)
        if known is None or not self._is_only_asked(known.value):
            raise LeaseLost
        asked = known.value
        state = replace(state, asked_again_at=asked.asked_again_at, wanted_at=asked.wanted_at)
        try:
            self.version = await self.states.replace(state, known.version)
        except ConcurrentChange:
            raise LeaseLost from None
        return state


async def open_lease(states: SyncStates, clock: Clock, ref: TenantRef) -> Lease | None:
    """Return a lease on a tenant's sync to be taken, or None if there is nothing to do.

    There is nothing to do while another worker holds the lease, or if no request is open. So a
    message that is delivered twice, or after its tenant was removed, starts no second sync.
    """
    now = clock.now()
    known = await states.find(ref)
    if known is None or known.value.phase not in OPEN or is_leased(known.value, now):
        return None
    state = replace(
        known.value,
        phase=SyncPhase.RUNNING,
        lease_until=None,
        not_before=None,
        asked_again_at=None,
    )
    return Lease(states, clock, state, known.version, now, None, known.value)


def is_leased(state: SyncState, now: datetime) -> bool:
    """Return whether a worker holds the lease on the tenant."""
    return state.lease_until is not None and state.lease_until > now
