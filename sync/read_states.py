"""How a data set's state follows from a read."""

from dataclasses import replace
from datetime import datetime

from core.refusals import Missing, lacks_plan, missing, text
from domain.data_set import DataSet
from domain.ports.graph_reader import Unreadable
from domain.sync_state import Access, DataSetState, ReadState


def succeeded(
    before: DataSetState, now: datetime, count: int, unreadable: int, digest: str | None = None
) -> DataSetState:
    """Return the state of a data set that was read completely.

    Args:
        unreadable: The number of records left out.
    """
    return replace(
        _without_lack(before),
        state=ReadState.SUCCEEDED,
        count=count,
        synced_at=now,
        error=_left_out(unreadable),
        digest=digest,
        unreadable=unreadable,
        suspected_at=None,
        suspected=None,
    )


def _left_out(unreadable: int) -> str | None:
    if not unreadable:
        return None
    return f"{unreadable} record{'s' if unreadable > 1 else ''} unreadable"


def unread(
    data_set: DataSet,
    before: DataSetState,
    failure: Unreadable,
    access: Access,
    *,
    is_delegated: bool,
) -> DataSetState:
    """Return the state of a failed read.

    The count and the time of the last successful read are kept, since its records are still stored.
    """
    lack = missing(data_set, failure, access, is_delegated=is_delegated)
    if lack == Missing():
        return replace(_without_lack(before), state=ReadState.FAILED, error=failure.error)
    return replace(lacking(before, lack), error=f"{failure.error}: {text(lack)}")


def not_licensed(data_set: DataSet, before: DataSetState) -> DataSetState:
    """Return the state of a data set that does not exist without a licence."""
    return lacking(before, Missing(plans=data_set.plans))


def waiting(before: DataSetState) -> DataSetState:
    """Return the state of a data set of which there is nothing to read yet."""
    return replace(_without_lack(before), state=ReadState.PENDING, error=None)


def is_empty_without_licence(data_set: DataSet, count: int, access: Access) -> bool:
    """Return whether an answer is empty because the tenant has no licence for the data."""
    return count == 0 and lacks_plan(data_set, access)


def lacking(before: DataSetState, lack: Missing) -> DataSetState:
    """Return the state of a data set that cannot be read because something is missing."""
    return replace(
        before,
        state=ReadState.NOT_LICENSED if lack.plans else ReadState.NOT_AUTHORISED,
        missing_permission=lack.permission,
        missing_roles=lack.roles,
        missing_plans=lack.plans,
        error=text(lack),
    )


def _without_lack(before: DataSetState) -> DataSetState:
    return replace(before, missing_permission=None, missing_roles=(), missing_plans=())
