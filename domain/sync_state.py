"""How a tenant's sync stands, as a whole and for each data set."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.identifiers import TenantRef

# A read that would remove much is confirmed by another one, so much later.
CONFIRMED_AFTER = timedelta(minutes=15)


class DataSet(StrEnum):
    """What is read from Microsoft Graph."""

    USERS = "users"
    LICENCES = "licences"
    SECURE_SCORE = "secureScore"
    CONDITIONAL_ACCESS = "conditionalAccessPolicies"


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
    SUSPICIOUS = "suspicious"  # it would remove so much that a second read has to confirm it
    NOT_AUTHORISED = "not_authorised"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DataSetState:
    """One data set's last read.

    Args:
        count: Rows held; of a failed read, what the last good one left.
        synced_at: When it was last read whole.
        error: For people; never a token, never a body of Microsoft's.
        digest: Of a small data set's content, by which an unchanged one costs no storage.
        delta_link: Where Graph goes on telling what changes.
        next_link: Where a first read that was put off goes on.
        indexed: In which form the search index holds these rows; any other is built again.
        unreadable: Records that were left out since the last whole read, that one included.
        whole_at: When all records were last read, and not their changes alone.
        suspected_at: When a read first told of so few records that none was removed.
        suspected: Digest of the keys that it would have removed.
    """

    name: DataSet
    state: ReadState = ReadState.PENDING
    count: int | None = None
    synced_at: datetime | None = None
    duration_ms: int | None = None
    missing_permission: str | None = None
    error: str | None = None
    digest: str | None = None
    delta_link: str | None = None
    next_link: str | None = None
    indexed: int | None = None
    unreadable: int = 0
    whole_at: datetime | None = None
    suspected_at: datetime | None = None
    suspected: str | None = None


@dataclass(frozen=True, slots=True)
class RollUp:
    """A tenant's figures as of the last good read of each data set; None before the first.

    Args:
        licences_bought: Units that can be assigned, those in their grace period among them; free
            products count for nothing.
        secure_score: The newest day's.
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
    """A tenant's sync.

    Args:
        requested_at: When the sync that is queued or running was asked for.
        not_before: Until when Graph asked to wait; a sync that was put off goes on then.
        due_at: Time of the tenant's live entry in the schedule, in whole seconds.
        queued_until: Until when the message of the last request is trusted to come.
        lease_until: Until when the worker that holds it may write; None when nobody does.
        first_synced_at: End of the first sync that read anything; until then the tenant is
            not in the list.
        asked_again_at: When another sync was asked for while this one ran; it follows.
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
    data_sets: tuple[DataSetState, ...] = tuple(DataSetState(name) for name in DataSet)
    roll_up: RollUp = RollUp()

    def with_data_set(self, state: DataSetState) -> "SyncState":
        """Return the state with one data set's entry exchanged."""
        return replace(
            self,
            data_sets=tuple(state if old.name is state.name else old for old in self.data_sets),
        )

    def data_set(self, name: DataSet) -> DataSetState:
        """Return one data set's entry."""
        return next(entry for entry in self.data_sets if entry.name is name)

    @property
    def confirm_at(self) -> datetime | None:
        """When a read may confirm what an earlier one made suspicious; None without any."""
        suspected = [
            entry.suspected_at
            for entry in self.data_sets
            if entry.state is ReadState.SUSPICIOUS and entry.suspected_at
        ]
        if not suspected:
            return None
        # Rounded up: the schedule drops fractions of a second, and an early look confirms nothing.
        earliest = min(suspected) + CONFIRMED_AFTER + timedelta(microseconds=999_999)
        return earliest.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class ScheduledSync:
    """An entry of the schedule: look at the tenant's sync at this time, in whole seconds."""

    ref: TenantRef
    due_at: datetime


@dataclass(frozen=True, slots=True)
class SyncSummary:
    """What the portfolio shows of a tenant's sync.

    Args:
        synced_at: When a data set was last read whole; a sync that failed makes nothing newer.
        users: How the last read of the users ended.
    """

    roll_up: RollUp
    first_synced_at: datetime | None
    synced_at: datetime | None
    users: ReadState

    @classmethod
    def of(cls, state: SyncState) -> "SyncSummary":
        """Return the summary of a sync's state."""
        moments = [entry.synced_at for entry in state.data_sets if entry.synced_at]
        users = state.data_set(DataSet.USERS).state
        return cls(state.roll_up, state.first_synced_at, max(moments, default=None), users)
