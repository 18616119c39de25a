"""Suspicious reads: a read that would remove many records must be confirmed by another one."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from domain.sync_state import CONFIRMED_AFTER, DataSetState, ReadState

# At most a fifth of the stored records, or this number, may be removed without confirmation.
_SHARE, _FEW = 5, 20


def is_suspicious(held: int, gone: int) -> bool:
    """Return whether a read would remove all records, or more than a fifth and more than 20.

    So 4 of 4 and 25 of 120 records are suspicious; 3 of 4 and 24 of 120 are not.
    """
    return gone > 0 and (gone == held or (gone > _FEW and gone * _SHARE > held))


def suspected(
    before: DataSetState, now: datetime, held: int, missing: Collection[str]
) -> DataSetState | None:
    """Return the state of a complete read that must not remove records yet, or None if it may.

    A suspicious read may remove them if an earlier read, at least 15 minutes ago, has missed the
    same records.

    Args:
        before: The data set's state before the read.
        held: The number of records stored before the read.
        missing: Keys of the stored records that the read has not seen.
    """
    if not is_suspicious(held, len(missing)):
        return None
    digest = sha256("\n".join(sorted(missing)).encode()).hexdigest()
    since = before.suspected_at if before.suspected == digest else None
    if since is not None and now - since >= CONFIRMED_AFTER:
        return None
    return replace(
        before,
        state=ReadState.SUSPICIOUS,
        missing_permission=None,
        missing_roles=(),
        missing_plans=(),
        error=(
            f"Microsoft Graph named {held - len(missing)} of the {held} records that are stored."
            " Nothing is removed before another read confirms it."
        ),
        suspected_at=since or now,
        suspected=digest,
    )
