"""Processes that are killed often: forked from one with all imports, so each starts at once."""

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, override

from local.processes import Child, die_with_parent

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["wiring.blueprints", "local.host.__main__", "tests.faults.forked"])


class Fork:
    """A forked process with its own environment and asyncio's process interface."""

    def __init__(
        self, environment: Mapping[str, str], function: Callable[..., object], *arguments: Any
    ) -> None:
        # aiohttp reads the trusted certificates when it is imported, so the parent process must
        # have them too. It is the parent of all forks, so they all trust the same certificates.
        assert Path(environment["SSL_CERT_FILE"]).is_file()
        os.environ["SSL_CERT_FILE"] = environment["SSL_CERT_FILE"]
        self._process = _FORKS.Process(
            target=_run, args=(dict(environment), function, arguments), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    async def wait(self) -> int:
        await asyncio.to_thread(self._process.join)
        return self._process.exitcode or 0

    def send_signal(self, signal: int) -> None:
        os.kill(self.pid, signal)


class ForkedHost(Child):
    """The functions host."""

    @override
    async def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        options = command[command.index("local.host") + 1 :]
        self._process = Fork(environment, _serve, self._log, list(options))


def _run(
    environment: dict[str, str], function: Callable[..., object], arguments: tuple[Any, ...]
) -> None:
    die_with_parent()
    os.environ |= environment
    function(*arguments)


def _serve(log: Path, options: list[str]) -> None:
    from local.host.__main__ import main  # noqa: PLC0415  the tests' own process does not need it

    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    main(options)
