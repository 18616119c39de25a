"""The state of a tenant's sync, as a whole and for each data set.

The times of a sync follow, as hours:minutes since the request. The interval is 6 hours. The timer
(SYNC_SCHEDULE) runs every 2 minutes and checks the schedule entries whose `due_at` has passed.

A sync that succeeds:

    0:00            0:01             0:03            0:07                      6:07 to 6:43
    |--- PENDING ---|----------- RUNNING ------------|------- SUCCEEDED -------|--- PENDING
    requested_at    a worker takes the lease         last_synced_at            due_at
                                     |               |-- 6 h + up to 36 min -->|
    |------------ 3 min ------------>| queued_until = due_at
                    |---- 2 min ---->| lease_until

    lease_until: whenever the worker writes the state, it becomes 2 minutes from then; None after
    the end. due_at: the timer keeps the entry of 0:03 while the sync is running. After 0:07 it
    finds that the sync has ended, and moves due_at to the time of the next sync.

Another request while the sync is running:

    0:00            0:01             0:05            0:07
    |--- PENDING ---|----------- RUNNING ------------|--- PENDING: queued by the worker
    requested_at                     asked_again_at  requested_at = 0:07, asked_again_at = None

The message is lost, or the queue is long (times are the earliest ones, since the timer sends):

    0:00            0:03            0:06                            0:12
    |--- PENDING ---|---------------|-------------------------------|---
    requested_at    sent again      sent again                      sent again

    queued_until = due_at is always the next of these times; requested_at does not change.

The worker crashes:

    0:01                          0:03              next run of the timer
    |--- RUNNING, no writes ------|-----------------|--- PENDING: queued again
                                  lease_until       requested_at = now

Graph asks for a longer wait than one invocation allows:

    0:02                 0:12                     0:15
    |--- PENDING --------|--- RUNNING ------------|
    postponed:           not_before: the delayed  not_before + 3 min: a message that has not
    lease_until = None   message arrives, and     arrived counts as lost, and the timer queues
                         not_before = None        another one

A read that would remove too many records:

    1:00                               1:15
    |--- the data set is SUSPICIOUS ---|--- another sync: if it misses the same records,
    suspected_at                       |    they are removed
                                       due_at = suspected_at + 15 min, rounded up to a second,
                                       unless another data set is due earlier

Each data set has its own cadence, and a sync reads those that are due (`sync.cadences`):

    0:00        0:15        0:30        0:45        1:00                          6:00
    |-----------|-----------|-----------|-----------|--- ... ---------------------|
    everything  quarter-    quarter-    quarter-    hourly ones                   the regular ones,
                hourly ones hourly ones hourly ones as well                       users among them
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.identifiers import TenantRef

# A read that would remove many records is confirmed by another read at least this much later.
CONFIRMED_AFTER = timedelta(minutes=15)


# The data sets of the first sync, by name. A tenant's sync is shown as their state: other data sets
# are read beside them, and each has a state of its own.
FIRST_SYNC = ("users", "licences", "secureScore", "conditionalAccessPolicies")


class SyncPhase(StrEnum):
    """The state of a tenant's sync."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"


class ReadState(StrEnum):
    """The state of one data set."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    SUSPICIOUS = "suspicious"  # it would remove many records, so a second read must confirm it
    NOT_AUTHORISED = "not_authorised"
    NOT_LICENSED = "not_licensed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DataSetState:
    """One data set's last read.

    Args:
        count: Number of stored rows; after a failed read, those of the last successful read.
        synced_at: When it was last read completely.
        tried_at: When the last read began, whether or not it succeeded; None before the first.
        missing_roles: The Entra roles of which the service account lacks one, if it lacks any.
        missing_plans: The service plans of which the tenant has none, if it needs one.
        error: A text for people; never contains a token or a response body of Microsoft.
        digest: Digest of what was read; unchanged content is not written again.
        watermark: When the last complete read began, of a data set that is read incrementally.
        delta_link: The link at which Graph continues to report changes.
        next_link: The link at which a postponed read of all records continues.
        indexed: Version of the search index that contains these rows; if it is not the current
            one, the index is rebuilt.
        unreadable: Number of records left out since the last complete read, including that read.
        whole_at: When all records were last read, not only their changes.
        suspected_at: When a read first returned so few records that nothing was removed.
        suspected: Digest of the keys that this read would have removed.
    """

    name: str
    state: ReadState = ReadState.PENDING
    count: int | None = None
    synced_at: datetime | None = None
    tried_at: datetime | None = None
    duration_ms: int | None = None
    missing_permission: str | None = None
    missing_roles: tuple[str, ...] = ()
    missing_plans: tuple[str, ...] = ()
    error: str | None = None
    digest: str | None = None
    delta_link: str | None = None
    next_link: str | None = None
    indexed: int | None = None
    unreadable: int = 0
    whole_at: datetime | None = None
    suspected_at: datetime | None = None
    suspected: str | None = None
    watermark: datetime | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """What the app has at a tenant, as of the last sync; None while it is unknown.

    Args:
        permissions: The Graph permissions in the token.
        plans: The service plans in usable licences, as far as a data set needs them.
        watched: IDs of the accounts whose sign-ins are read.
    """

    permissions: frozenset[str] | None = None
    plans: frozenset[str] | None = None
    watched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RollUp:
    """A tenant's figures as of the last successful read of each data set; None before the first.

    Args:
        licences_bought: Units that can be assigned, including those in their grace period; free
            products are not counted.
        secure_score: The score of the newest day.
    """

    users: int | None = None
    enabled_users: int | None = None
    licences_bought: int | None = None
    licences_assigned: int | None = None
    secure_score: float | None = None
    secure_score_max: float | None = None
    policies_enabled: int | None = None
    policies_disabled: int | None = None
    policies_report_only: int | None = None


@dataclass(frozen=True, slots=True)
class SyncState:
    """A tenant's sync. The module's docstring shows its times in a picture.

    Args:
        requested_at: When the queued or running sync was requested.
        not_before: Until when Graph asked to wait; a postponed sync continues then.
        due_at: Time of the tenant's current entry in the schedule, in whole seconds.
        queued_until: Until then the message of the last request is expected to arrive.
        lease_until: Until then the worker that holds the lease may write; None without a holder.
        first_synced_at: End of the first sync that read anything; until then the partner tenant
            is not in the list.
        asked_again_at: When another sync was requested while this one was running; it follows.
        wanted_at: When somebody last asked for a sync, rather than the timer. What was read earlier
            is read again.
        last_synced_at: When the data sets of the first sync were last read.
        data_sets: The states of the data sets by name; use `data_set` to look one up.
    """

    ref: TenantRef
    phase: SyncPhase
    requested_at: datetime
    lease_until: datetime | None = None
    first_synced_at: datetime | None = None
    last_synced_at: datetime | None = None
    not_before: datetime | None = None
    due_at: datetime | None = None
    queued_until: datetime | None = None
    asked_again_at: datetime | None = None
    wanted_at: datetime | None = None
    data_sets: Mapping[str, DataSetState] = field(default_factory=dict)
    roll_up: RollUp = RollUp()
    access: Access = Access()

    def with_data_set(self, state: DataSetState) -> "SyncState":
        """Return the state with one data set's entry replaced."""
        return replace(self, data_sets={**self.data_sets, state.name: state})

    def data_set(self, name: str) -> DataSetState:
        """Return one data set's entry; one that is not stored was never read."""
        return self.data_sets.get(name) or DataSetState(name)

    @property
    def first_sets(self) -> list[DataSetState]:
        """The entries of the data sets of the first sync."""
        return [self.data_set(name) for name in FIRST_SYNC]


@dataclass(frozen=True, slots=True)
class ScheduledSync:
    """A schedule entry: check the tenant's sync at this time, in whole seconds."""

    ref: TenantRef
    due_at: datetime


@dataclass(frozen=True, slots=True)
class SyncSummary:
    """The part of a tenant's sync that the portfolio shows.

    Args:
        synced_at: When a data set of the first sync was last read completely; a failed sync does
            not change it.
        users: The state of the last read of the users.
    """

    roll_up: RollUp
    first_synced_at: datetime | None
    synced_at: datetime | None
    users: ReadState

    @classmethod
    def of(cls, state: SyncState) -> "SyncSummary":
        """Return the summary of a sync's state."""
        moments = [entry.synced_at for entry in state.first_sets if entry.synced_at]
        users = state.data_set("users").state
        return cls(state.roll_up, state.first_synced_at, max(moments, default=None), users)
