"""What all operator commands share: their type, and how they read texts and amounts."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from domain.errors import MalformedInput, NoSuchMsp
from domain.identifiers import MspId
from domain.ports.msp_store import MspHead, MspStore

LONGEST_TEXT = 1024
_HIGHEST_PRICE = 100_000_00

type Command = Callable[[argparse.Namespace, Storage, StorageQueues], Awaitable[dict[str, Any]]]


async def head_of(msps: MspStore, msp_id: MspId) -> MspHead:
    """Return an MSP's head.

    Raises:
        NoSuchMsp: There is no such MSP.
    """
    head = await msps.head(msp_id)
    if head is None:
        raise NoSuchMsp
    return head


async def ask(question: str, option: str) -> str:
    """Return the answer of the person at the terminal.

    Args:
        option: The option that they could have given instead.

    Raises:
        MalformedInput: Nobody can be asked.
    """
    try:
        return await asyncio.to_thread(input, question)
    except EOFError:
        raise MalformedInput(option, "must be given where nobody can be asked") from None


def check_text(options: argparse.Namespace) -> None:
    """Refuse a text that cannot be stored: a lone surrogate, a control character, too long a text.

    Raises:
        MalformedInput: An option holds such a text.
    """
    for name, value in vars(options).items():
        for text in value if isinstance(value, list) else [value]:
            if not isinstance(text, str | Path):
                continue
            if len(str(text)) > LONGEST_TEXT or not str(text).isprintable():
                option = name.replace("_", "-")
                raise MalformedInput(option, f"must be printable, up to {LONGEST_TEXT} characters")


def cents(text: str | None) -> int | None:
    """Return an amount in cents, or None if there is none.

    Raises:
        MalformedInput: It is not an amount, or has more than two decimals.
    """
    if text is None:
        return None
    try:
        exact = Decimal(text) * 100
        whole = int(exact)
    except (ArithmeticError, ValueError):
        raise MalformedInput("agreed-price", "must be an amount such as 21.50") from None
    if exact != whole:
        raise MalformedInput("agreed-price", "must have at most two decimals")
    if whole > _HIGHEST_PRICE:
        raise MalformedInput("agreed-price", f"must be at most {_HIGHEST_PRICE // 100}")
    return whole
