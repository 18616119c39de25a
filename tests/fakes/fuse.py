"""A process that dies at a chosen call of a port: before or after the call takes effect."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any


class Died(BaseException):
    """The end of the process; nothing in the product catches it."""


class Fuse:
    """Counts the calls of every port that it guards, and raises `Died` at one of them.

    Args:
        at: Which call, counted from 1; None never raises.
        after: Whether the call still takes effect.
    """

    def __init__(self, at: int | None = None, *, after: bool = False) -> None:
        self._at, self._after, self.calls = at, after, 0

    def guard[T](self, port: T) -> T:
        """Return the port, with its calls counted."""
        return _Guarded(port, self)  # type: ignore[return-value]  # it answers as the port does

    async def call(self, method: Callable[..., Awaitable[Any]], args: Any, kwargs: Any) -> Any:
        self.calls += 1
        if self.calls == self._at and not self._after:
            raise Died
        result = await method(*args, **kwargs)
        if self.calls == self._at:
            raise Died
        return result


class _Guarded:
    def __init__(self, port: Any, fuse: Fuse) -> None:
        self._port, self._fuse = port, fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not iscoroutinefunction(found):
            return found

        async def counted(*args: Any, **kwargs: Any) -> Any:
            return await self._fuse.call(found, args, kwargs)

        return counted
