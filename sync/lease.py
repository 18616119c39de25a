"""The lease on a tenant's sync: its holder alone writes, and a dead holder's runs out."""

from dataclasses import dataclass, replace
from datetime import timedelta

from domain.errors import ConcurrentChange
from domain.identifiers import TenantRef
from domain.ports import Clock, SyncStates
from domain.sync_state import DataSetState, SyncPhase, SyncState

LEASE = timedelta(minutes=2)


class LeaseLost(Exception):
    """Somebody else has the tenant now, or it was removed: write nothing more."""


@dataclass(slots=True)
class Lease:
    """A worker's hold on a tenant: the state row at the version that it wrote last."""

    states: SyncStates
    clock: Clock
    state: SyncState
    version: str

    async def renew(self) -> None:
        """Hold on for another two minutes.

        Raises:
            LeaseLost: The row is not as this worker wrote it.
        """
        await self._write(replace(self.state, lease_until=self.clock.now() + LEASE))

    async def record(self, data_set: DataSetState) -> None:
        """Store a data set's state.

        Raises:
            LeaseLost: The row is not as this worker wrote it.
        """
        renewed = replace(self.state, lease_until=self.clock.now() + LEASE)
        await self._write(renewed.with_data_set(data_set))

    async def end(self, phase: SyncPhase, *, read_something: bool) -> None:
        """Store how the sync ended, and let go.

        Raises:
            LeaseLost: The row is not as this worker wrote it.
        """
        now = self.clock.now()
        first = self.state.first_synced_at or (now if read_something else None)
        await self._write(
            replace(
                self.state,
                phase=phase,
                lease_until=None,
                first_synced_at=first,
                last_synced_at=now,
            )
        )

    async def _write(self, state: SyncState) -> None:
        try:
            self.version = await self.states.replace(state, self.version)
        except ConcurrentChange:
            raise LeaseLost from None
        self.state = state


async def take_lease(states: SyncStates, clock: Clock, ref: TenantRef) -> Lease | None:
    """Return the lease on a tenant, or None while somebody else holds it."""
    now = clock.now()
    known = await states.find(ref)
    before = known.value if known else SyncState(ref, SyncPhase.PENDING, requested_at=now)
    if before.lease_until and before.lease_until > now:
        return None
    state = replace(before, phase=SyncPhase.RUNNING, lease_until=now + LEASE)
    try:
        version = await states.replace(state, known.version) if known else await states.add(state)
    except ConcurrentChange:
        return None
    return Lease(states, clock, state, version)
