"""Applies the table to a host: the expected and the actual behaviour."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueServiceClient

from tests.host_probes.client import send
from tests.host_probes.table import CASES, Case

_TOGETHER = 30
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table, with the host's result."""

    title: str
    expected: Any
    got: Any

    @property
    def same(self) -> bool:
        """Whether the host behaves like Microsoft's."""
        return bool(self.expected == self.got)


async def http_lines(base: str) -> AsyncIterator[Line]:
    """Send every request to a host, then many at once."""
    for case in CASES:
        yield await _line(base, case)
    yield await _at_once(base)


async def _line(base: str, case: Case) -> Line:
    try:
        reply = await send(base, case.request)
    except (OSError, EOFError, TimeoutError) as error:
        return Line(case.title, case.expected, repr(error))
    return Line(case.title, case.expected, {name: reply.fact(name) for name in case.expected})


async def _at_once(base: str) -> Line:
    case = Case("", f"/meet/{time.time_ns()}", {"status": 200})
    lines = await asyncio.gather(*(_line(base, case) for _ in range(_TOGETHER)))
    return Line("thirty at once", 0, sum(not line.same for line in lines))


class Queues:
    """How the host handles odd messages."""

    def __init__(self, base: str, connection: str) -> None:
        self._base, self._run = base, str(time.time_ns())
        self._service = QueueServiceClient.from_connection_string(connection)

    async def lines(self) -> AsyncIterator[Line]:
        """Send every kind of message to the probes' queues."""
        checks: list[Callable[[], Awaitable[Line]]] = [
            self._counted,
            self._empty,
            self._not_base64,
            self._not_base64_in_poison,
            self._fails,
            self._fails_in_poison,
            self._not_utf8,
            self._outlived,
        ]
        async with self._service:
            for queue in ("probe", "probe-poison", "probe-lone", "probe-lone-poison"):
                await self._fresh(queue)
            for check in checks:
                yield await check()

    async def _counted(self) -> Line:
        given = await self._sent("probe", f"plain {self._run}".encode())
        return Line("a message's dequeue_count begins at 1", [("probe", 1)], given)

    async def _empty(self) -> Line:
        before = len(await self._given(""))
        await self._put("probe", "")
        await self._until_gone("probe")
        given = (await self._given(""))[before:]
        return Line("an empty message has an empty body", [("probe", 1)], given)

    async def _not_base64(self) -> Line:
        """The poison queue has no trigger: a message that was moved there stays unchanged."""
        text = f"no base64: {self._run}"
        before = await self._count()
        await self._put("probe-lone", text)
        await self._until_gone("probe-lone")
        got = (await self._peek("probe-lone-poison"), await self._count() - before)
        return Line("no base64: poison at its first look, no call", ([text], 0), got)

    async def _not_base64_in_poison(self) -> Line:
        before = await self._count()
        await self._put("probe", f"no base64: {self._run}")
        await self._until_gone("probe", "probe-poison")
        got = (await self._count() - before, await self._exists("probe-poison-poison"))
        return Line("no base64 in the poison queue: deleted, no call", (0, False), got)

    async def _fails(self) -> Line:
        given = await self._sent("probe", f"fail {self._run}".encode(), "probe-poison")
        tries = [(queue, count) for queue in ("probe", "probe-poison") for count in range(1, 6)]
        return Line("what fails five times is poison", tries, given)

    async def _fails_in_poison(self) -> Line:
        given = await self._sent("probe-poison", f"fail there {self._run}".encode())
        tries = [("probe-poison", count) for count in range(1, 6)]
        got = (given, await self._exists("probe-poison-poison"))
        return Line("what fails five times in the poison queue is deleted", (tries, False), got)

    async def _not_utf8(self) -> Line:
        await self._fresh("probe-lone-poison")
        before = await self._count()
        await self._put("probe-lone", "//79")
        await self._until_gone("probe-lone")
        got = (await self._peek("probe-lone-poison"), await self._count() - before)
        return Line("no UTF-8: fails five times, then poison, no call", (["//79"], 0), got)

    async def _outlived(self) -> Line:
        for text in ("=", "A", "&<>\u2028", "\u0661", "x" * 60_000):
            await self._put("probe", text)
        given = await self._sent("probe", f"after {self._run}".encode(), "probe-poison")
        return Line("odd messages are outlived", [("probe", 1)], given)

    async def _fresh(self, queue: str) -> None:
        try:
            await self._service.create_queue(queue)
        except ResourceExistsError:
            await self._service.get_queue_client(queue).clear_messages()

    async def _sent(self, queue: str, body: bytes, *further: str) -> list[tuple[str, int]]:
        """Send a message; once it is gone, return the functions that received it."""
        await self._put(queue, TextBase64EncodePolicy().encode(body.decode()))
        await self._until_gone(queue, *further)
        return await self._given(body.decode())

    async def _put(self, queue: str, text: str) -> None:
        await self._service.get_queue_client(queue).send_message(text)

    async def _until_gone(self, *queues: str) -> None:
        """Wait until queues are empty, one after the other; invisible messages count."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for queue in queues:
            client = self._service.get_queue_client(queue)
            while time.monotonic() < deadline:
                if not (await client.get_queue_properties()).approximate_message_count:
                    break
                await asyncio.sleep(0.05)

    async def _peek(self, queue: str) -> list[str]:
        found = await self._service.get_queue_client(queue).peek_messages(32)
        return [message.content for message in found]

    async def _exists(self, queue: str) -> bool:
        try:
            await self._service.get_queue_client(queue).get_queue_properties()
        except ResourceNotFoundError:
            return False
        return True

    async def _messages(self) -> list[dict[str, Any]]:
        reply = await send(self._base, Case("", "/messages").request)
        messages: list[dict[str, Any]] = json.loads(reply.body)
        return messages

    async def _count(self) -> int:
        return len(await self._messages())

    async def _given(self, body: str) -> list[tuple[str, int]]:
        return [(m["queue"], m["dequeue"]) for m in await self._messages() if m["body"] == body]
