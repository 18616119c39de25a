"""Child processes: started, awaited until they are ready, and ended with their parent."""

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Protocol

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
_STOP_SECONDS = 4


class StartFailed(Exception):
    """A process did not become ready; the text holds the end of its log."""


class Ended(Exception):
    """A process ended while it should have served; the text holds the end of its log."""


class Process(Protocol):
    """A started process, with asyncio's interface."""

    @property
    def pid(self) -> int:
        """The process ID."""
        ...

    @property
    def returncode(self) -> int | None:
        """The exit code; None while it runs."""
        ...

    async def wait(self) -> int:
        """Wait for its end; return the exit code."""
        ...

    def send_signal(self, signal: int) -> None:
        """Send it a signal."""
        ...


class Child:
    """A process of the stack. Its output goes to a file.

    Args:
        log: File for stdout and stderr.
    """

    def __init__(self, name: str, log: Path) -> None:
        self.name, self._log = name, log
        self._process: Process | None = None

    async def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the process."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, env=dict(environment), stdout=log, stderr=log, preexec_fn=die_with_parent
            )

    async def until_listening(self, *ports: int, seconds: float = 30) -> None:
        """Wait until the process listens on all ports.

        Raises:
            StartFailed: It ended, or does not listen in time.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        for port in ports:
            while not await _listens(port):
                if self._ended() or asyncio.get_running_loop().time() > deadline:
                    raise StartFailed(f"{self.name} did not start:\n{self.log_tail()}")
                await asyncio.sleep(0.03)

    def _ended(self) -> bool:
        return self._process is None or self._process.returncode is not None

    def log_tail(self) -> str:
        """Return the last lines of the log."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-30:])

    async def stop(self) -> None:
        """Ask the process to stop, and make sure that it does."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Kill the process without letting it finish anything."""
        await self._end(signal.SIGKILL)

    async def until_ended(self, seconds: float = 30) -> None:
        """Wait until the process has ended for any reason."""
        if self._process is not None:
            await asyncio.wait_for(self._process.wait(), seconds)

    async def serve(self) -> NoReturn:
        """Wait for the process, which must not end while others rely on it.

        Raises:
            Ended: It ended.
        """
        status = await self._process.wait() if self._process else None
        raise Ended(f"{self.name} ended with status {status}:\n{self.log_tail()}")

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._process.pid if self._process else 0

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(how)
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.send_signal(signal.SIGKILL)
            await process.wait()


def die_with_parent() -> None:
    """Let the kernel end this process when its parent ends for any reason (on Linux)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    os.setpgid(0, 0)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def free_ports(count: int) -> list[int]:
    """Return free ports."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def check_free(port: int) -> None:
    """Refuse a port that is in use, before anything is started.

    Raises:
        StartFailed: A process listens there.
    """
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            raise StartFailed(f"port {port} is in use") from None
