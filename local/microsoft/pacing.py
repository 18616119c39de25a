"""Limits of requests: how many a service answers in a while.

https://learn.microsoft.com/graph/throttling-limits
"""

import math
import time
from dataclasses import dataclass

from local.microsoft.answers import Refused
from local.microsoft.tenant import Tenant


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit.

    Args:
        starts: The beginnings of the paths that share it.
        by_app: Whether each app has its own; otherwise all apps of a tenant share it.
        says_when: Whether the refusal says when to try again.
    """

    starts: tuple[str, ...]
    count: int
    seconds: float
    by_app: bool
    says_when: bool


_LIMITS = (
    Limit(
        ("identity/conditionalAccess", "identityProtection"), 1, 1, by_app=False, says_when=False
    ),
    Limit(("auditLogs", "reports/authenticationMethods"), 5, 10, by_app=True, says_when=True),
    Limit(("reports/get",), 14, 600, by_app=True, says_when=True),
    Limit(("security/",), 150, 60, by_app=True, says_when=True),
    Limit(("admin/serviceAnnouncement",), 240, 60, by_app=True, says_when=True),
)


def pace(tenant: Tenant, app_id: str, path: str) -> None:
    """Count a request.

    Raises:
        Refused: 429, the limit is reached, if the tenant has limits at all.
    """
    limit = next((limit for limit in _LIMITS if path.startswith(limit.starts)), None)
    if limit is None or not tenant.paces:
        return
    now = time.monotonic()
    times = tenant.served.setdefault((limit.starts[0], app_id if limit.by_app else ""), [])
    times[:] = [moment for moment in times if moment > now - limit.seconds]
    if len(times) < limit.count:
        times.append(now)
        return
    wait = str(math.ceil(times[0] + limit.seconds - now))
    headers = {"Retry-After": wait} if limit.says_when else {}
    raise Refused(429, "TooManyRequests", "Too many requests.", headers)
