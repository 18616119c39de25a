"""`python -m local run` with real processes, when one of them dies."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import astuple
from pathlib import Path

import pytest

from local.stack import Ports

ROOT = Path(__file__).parents[2]
_NAMES = (
    "API_PORT",
    "MICROSOFT_PORT",
    "AZURITE_BLOB_PORT",
    "AZURITE_QUEUE_PORT",
    "AZURITE_TABLE_PORT",
)
# The command, with its own folder.
_COMMAND = """
import sys
from pathlib import Path
from local import __main__ as local
local._FOLDER = Path(sys.argv[1])
sys.exit(local.main(["run"]))
"""


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, once it is ready."""
    ports = dict(zip(_NAMES, map(str, astuple(Ports.free())), strict=True))
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _COMMAND, str(tmp_path)),
        env={**os.environ, **ports, "STORE": "memory", "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert run.stdout is not None
    async with asyncio.timeout(60):
        assert (await run.stdout.readline()).startswith(b"ready ")
    yield run
    if run.returncode is None:
        run.kill()
        await run.wait()


def part(run: asyncio.subprocess.Process, word: str) -> int:
    """Return the process ID of the part whose command contains a word."""
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    (found,) = [c for c in children if word in Path(f"/proc/{c}/cmdline").read_text().split("\0")]
    return int(found)


def ended(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("local.host", "the functions host"),
        ("local.microsoft", "the simulated Microsoft"),
        ("--inMemoryPersistence", "Azurite"),
    ],
)
async def test_run_ends_loudly_with_a_part_of_it(
    running: asyncio.subprocess.Process, word: str, name: str, tmp_path: Path
) -> None:
    parts = [part(running, w) for w in ("local.host", "local.microsoft", "--inMemoryPersistence")]
    for log in ("host.log", "microsoft.log", "azurite.log"):
        with (tmp_path / log).open("a") as file:
            file.write(f"the last words of {log}\n")
    os.kill(part(running, word), signal.SIGKILL)
    async with asyncio.timeout(30):
        _, printed = await running.communicate()
    assert running.returncode == 1
    assert f"{name} ended with status -9:\n" in printed.decode()
    assert "the last words of " in printed.decode()
    assert ended(parts)


async def test_run_ends_quietly_when_it_is_asked_to(running: asyncio.subprocess.Process) -> None:
    running.send_signal(signal.SIGINT)
    async with asyncio.timeout(30):
        _, printed = await running.communicate()
    assert (running.returncode, printed) == (0, b"")
