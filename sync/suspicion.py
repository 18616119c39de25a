"""An empty answer is no deletion: a read that would remove much has to be confirmed."""

from collections.abc import Collection
from dataclasses import replace
from hashlib import sha256

from domain.sync_state import CONFIRMED_AFTER, DataSetState, ReadState
from sync.record_writer import RecordWriter

# At most a fifth of what is held, or so few records, may go at once.
_SHARE, _FEW = 5, 20


def is_suspicious(held: int, gone: int) -> bool:
    """Tell whether a read would remove all that is held, or more than a fifth and more than 20.

    So 4 of 4 and 25 of 120 records are suspicious; 3 of 4 and 24 of 120 are not.
    """
    return gone > 0 and (gone == held or (gone > _FEW and gone * _SHARE > held))


def suspected(rows: RecordWriter, held: int, missing: Collection[str]) -> DataSetState | None:
    """Return the state of a whole read that removes nothing for now, or None if it may.

    It may once an earlier read, 15 minutes ago or more, has missed the same records.

    Args:
        held: Records that were stored before the read.
        missing: Keys of those of them that it has not met.
    """
    if not is_suspicious(held, len(missing)):
        return None
    before, now = rows.lease.state.data_set(rows.name), rows.lease.clock.now()
    digest = sha256("\n".join(sorted(missing)).encode()).hexdigest()
    since = before.suspected_at if before.suspected == digest else None
    if since is not None and now - since >= CONFIRMED_AFTER:
        return None
    return replace(
        before,
        state=ReadState.SUSPICIOUS,
        missing_permission=None,
        error=(
            f"Microsoft Graph named {held - len(missing)} of the {held} records that are stored."
            " Nothing is removed before another read confirms it."
        ),
        unreadable=rows.unreadable,
        suspected_at=since or now,
        suspected=digest,
    )
