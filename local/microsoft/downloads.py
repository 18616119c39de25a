"""Reports by a redirect to another origin, as Microsoft's reports service has it.

The address itself gives access, once and for a few minutes; the token of Graph must not be sent.
"""

import secrets
import time
from dataclasses import dataclass, field

from aiohttp import web

_SECONDS = 300


@dataclass(slots=True)
class Downloads:
    """What can be downloaded, by the secret part of its address.

    Args:
        origin: The address of the reports service.
    """

    origin: str = ""
    _waiting: dict[str, tuple[float, bytes]] = field(default_factory=dict)

    def add(self, data: bytes) -> str:
        """Offer a file; return its address."""
        key = secrets.token_urlsafe(24)
        self._waiting[key] = (time.monotonic() + _SECONDS, data)
        return f"{self.origin}/data/download/{key}"

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request of the reports service."""
        if "Authorization" in request.headers:
            return web.Response(status=400, text="The request carries a token.")
        until, data = self._waiting.pop(request.match_info["key"], (0.0, b""))
        if until < time.monotonic():
            return web.Response(status=404, text="The link is not valid any more.")
        return web.Response(body=data, content_type="application/octet-stream")
