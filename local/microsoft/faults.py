"""Faults that tests set, and the log of requests."""

import asyncio
import json
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.microsoft.answers import GraphAnswer, error_answer
from local.microsoft.state import Microsoft

_SECRET = {"authorization", "cookie"}
_CODES = {
    403: "Authorization_RequestDenied",
    409: "Directory_ConcurrencyViolation",
    429: "TooManyRequests",
    504: "UnknownError",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The facts of a request that faults are matched with and that the log holds."""

    method: str
    path: str
    query: str
    tenant_id: str | None
    app_id: str | None
    headers: dict[str, str]
    in_batch: bool = False


def matching(microsoft: Microsoft, asked: Asked) -> dict[str, Any] | None:
    """Return the first fault that applies to the request, and count it."""
    for fault in microsoft.faults:
        if _meets(fault, asked) and _strikes(fault):
            if "times" in fault:
                fault["times"] -= 1
            return fault
    return None


def _strikes(fault: dict[str, Any]) -> bool:
    """Return whether a fault applies now: at every n-th match, or at random."""
    fault["met"] = fault.get("met", 0) + 1
    by_turn: bool = fault["met"] % fault.get("every", 1) == 0
    return by_turn and random.random() < fault.get("probability", 1)


def _meets(fault: dict[str, Any], asked: Asked) -> bool:
    if fault.get("times", 1) <= 0 or bool(fault.get("insideBatch")) != asked.in_batch:
        return False
    if fault.get("method", asked.method).upper() != asked.method:
        return False
    if fault.get("tenantId") not in (None, asked.tenant_id):
        return False
    if not re.search(fault.get("query", ""), asked.query):
        return False
    return re.search(fault["path"], asked.path) is not None


async def delay(fault: dict[str, Any]) -> None:
    """Wait as long as a fault specifies."""
    await asyncio.sleep(fault.get("delaySeconds", 0))


def is_answer(fault: dict[str, Any]) -> bool:
    """Return whether a fault takes the place of the answer.

    With `applied` the request is carried out nevertheless: only its answer is lost.
    """
    return bool(fault.keys() & {"status", "body", "bodyFile", "disconnect"})


def fault_answer(fault: dict[str, Any]) -> GraphAnswer:
    """Return the answer that a fault specifies; without `retryAfter` it names no time."""
    headers = {"Retry-After": str(fault["retryAfter"])} if "retryAfter" in fault else {}
    status = fault.get("status", 200)
    if "bodyFile" in fault:
        return GraphAnswer(status, json.loads(Path(fault["bodyFile"]).read_text()), headers)
    if "body" in fault:
        return GraphAnswer(status, fault["body"], headers)
    code = _CODES.get(status, "ServiceUnavailable")
    return error_answer(status, code, "A fault that a test has set.", headers)


def record(microsoft: Microsoft, asked: Asked, status: int, body: Any = None) -> None:
    """Record a request, without secrets: of its body, only the names of the properties."""
    microsoft.sequence += 1
    microsoft.requests.append(
        {
            "seq": microsoft.sequence,
            "at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "method": asked.method,
            "path": asked.path,
            "query": asked.query,
            "tenantId": asked.tenant_id,
            "appId": asked.app_id,
            "status": status,
            "batch": asked.in_batch,
            "bodyNames": sorted(body) if isinstance(body, dict) else None,
            "headers": {k: v for k, v in asked.headers.items() if k.lower() not in _SECRET},
        }
    )
