"""A raw HTTP client: a client library would correct the requests of the probes."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 60
_LARGEST_HEAD = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def fact(self, name: str) -> Any:
        """Return one fact about the response.

        Args:
            name: `status`, `body`, `length`, `header NAME`, or a path in the JSON body, such as
                `route id`.
        """
        first, _, rest = name.partition(" ")
        match first:
            case "status":
                return self.status
            case "body":
                return self.body.decode("latin-1")
            case "length":
                return len(self.body)
            case "header":
                return self.headers.get(rest)
        try:
            found = json.loads(self.body)[first]
        except (ValueError, KeyError):
            return None
        return found.get(rest) if rest else found


async def send(base: str, request: bytes) -> Reply:
    """Send a request's bytes to a host, and read the response."""
    parts = urlsplit(base)
    async with asyncio.timeout(_SECONDS):
        reader, writer = await asyncio.open_connection(
            parts.hostname, parts.port, limit=_LARGEST_HEAD
        )
        try:
            writer.write(request)
            return await _read(reader, request.startswith(b"HEAD "))
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader, head: bool) -> Reply:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(lines[0].split()[1])
    pairs = [line.split(":", 1) for line in lines[1:] if line]
    headers = {name.lower(): value.strip() for name, value in pairs}
    if head or status in {204, 304}:
        return Reply(status, headers, b"")
    if headers.get("transfer-encoding") == "chunked":
        return Reply(status, headers, await _chunks(reader))
    return Reply(status, headers, await reader.readexactly(int(headers.get("content-length", 0))))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    return bytes(body)
