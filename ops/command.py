"""What every operator's command is, and how it reads amounts."""

import argparse
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from domain.errors import MalformedInput
from domain.identifiers import MspId
from domain.ports import Head, MspStore

type Command = Callable[[argparse.Namespace, Storage, StorageQueues], Awaitable[dict[str, Any]]]


async def head_of(msps: MspStore, msp_id: MspId) -> Head:
    """Return an MSP's head.

    Raises:
        LookupError: There is no such MSP.
    """
    head = await msps.head(msp_id)
    if head is None:
        raise LookupError("There is no MSP of this ID.")
    return head


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
