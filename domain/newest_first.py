"""Times as parts of keys: later times sort first."""

from datetime import UTC, datetime, timedelta

_LAST_MOMENT = datetime(9999, 12, 31, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def newest_first(at: datetime) -> str:
    """Return a time as a part of a key; later times sort first."""
    return f"{(_LAST_MOMENT - at) // _MICROSECOND:018d}"


def time_of(part: str) -> datetime:
    """Return the time that a part of a key stands for.

    Raises:
        ValueError: It stands for none.
    """
    try:
        return _LAST_MOMENT - int(part) * _MICROSECOND
    except OverflowError:
        raise ValueError(part) from None
