"""Idempotency keys: a request that is sent twice is carried out once.

As https://docs.stripe.com/api/idempotent_requests has it; a key belongs to the MSP.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.errors import IdempotencyMismatch
from domain.operation import IdempotencyKey

KEPT_FOR = timedelta(hours=24)


def digest(value: str | Mapping[str, Any]) -> str:
    """Return the digest of a key, or of a request, whose keys may be in any order."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_repetition(known: IdempotencyKey | None, request: str, now: datetime) -> bool:
    """Return whether the key came with the same request in the last 24 hours.

    Raises:
        IdempotencyMismatch: It came with another one.
    """
    if known is None or now - known.used_at >= KEPT_FOR:
        return False
    if known.request != request:
        raise IdempotencyMismatch("This Idempotency-Key came with another request.")
    return True
