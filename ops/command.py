"""What every operator's command is, and how it reads amounts."""

import argparse
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from domain.errors import MalformedInput

type Command = Callable[[argparse.Namespace, Storage, StorageQueues], Awaitable[dict[str, Any]]]


def cents(text: str | None) -> int | None:
    """Return an amount in cents, or None for none.

    Raises:
        MalformedInput: It is no amount, or has more than two decimals.
    """
    if text is None:
        return None
    try:
        exact = Decimal(text) * 100
        whole = int(exact)
    except (InvalidOperation, ValueError, OverflowError):
        raise MalformedInput("agreed-price", "must be an amount such as 21.50") from None
    if exact != whole:
        raise MalformedInput("agreed-price", "must have at most two decimals")
    return whole
