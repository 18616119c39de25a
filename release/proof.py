"""Tests a package: it installs into an empty environment, is indexed, and responds."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import aiohttp

from local.azurite import connection_string, start_azurite
from local.processes import Child, free_ports
from release.package import ROOT

# What the platform provides: Microsoft's worker, and what the local host needs in addition.
_PLATFORM = (
    "azure-functions-runtime",
    "azurefunctions-extensions-base",
    "croniter",
    "python-dateutil",
)
_NAME = re.compile(r"^([\w.-]+)==", re.MULTILINE)
_MINUTE = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True, slots=True)
class Proved:
    """The measurements of a package.

    Args:
        installed_bytes: Disk space of the packages in `requirements.txt`.
        health: The response of `/health`.
    """

    package_bytes: int
    files: int
    installed_bytes: int
    functions: int
    health: dict[str, Any]


class Places:
    """The folders of the test: the package, its environment, and the platform.

    The host is copied out of the project, so that the app can import nothing of the project except
    what is in the package.
    """

    def __init__(self, folder: Path) -> None:
        self.run, self.site, self.platform = folder, folder / "site", folder / "platform"
        self.python = folder / "environment" / "bin" / "python"

    def fill(self, package: Path) -> None:
        """Unpack the package and install what it and its host need."""
        with ZipFile(package) as archive:
            archive.extractall(self.site)
        _run(sys.executable, "-m", "venv", str(self.python.parents[1]))
        self._install(self.site / "requirements.txt")
        wanted = self.run / "platform.txt"
        wanted.write_text("\n".join(_platform((ROOT / "requirements-dev.txt").read_text())))
        self._install(wanted, "--no-deps", "--target", str(self.platform))
        shutil.copytree(ROOT / "local" / "host", self.platform / "local" / "host")
        shutil.copyfile(ROOT / "local" / "__init__.py", self.platform / "local" / "__init__.py")

    def _install(self, requirements: Path, *options: str) -> None:
        pip = (str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        _run(*pip, "--require-hashes", *options, "-r", str(requirements))

    def installed_bytes(self) -> int:
        """Return the size of the app's packages, without the installer and bytecode."""
        (packages,) = self.python.parents[1].glob("lib/python*/site-packages")
        paths = (path for path in packages.rglob("*") if path.is_file())
        return sum(path.stat().st_size for path in paths if not _is_extra(packages, path))


def _is_extra(packages: Path, path: Path) -> bool:
    return path.suffix == ".pyc" or path.relative_to(packages).parts[0].startswith("pip")


def _platform(locked: str) -> Iterator[str]:
    """Yield the platform's locked packages, with their hashes."""
    for entry in re.split(r"\n(?=[\w.-]+==)", locked):
        named = _NAME.match(entry)
        if named and named[1] in _PLATFORM:
            yield entry


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


async def prove(package: Path, folder: Path) -> Proved:
    """Install and index a package, and send it a request.

    Args:
        folder: An empty working folder.

    Raises:
        CalledProcessError: It does not install, or its commands fail.
        StartFailed: Microsoft's worker refuses it.
    """
    places = Places(folder)
    await asyncio.to_thread(places.fill, package)
    api, *storage = free_ports(4)
    blob, queue, table = storage
    azurite = await start_azurite(folder, (blob, queue, table), None, os.environ["PATH"])
    try:
        environment = _environment(places, connection_string(blob, queue, table))
        functions, health = await _ask(places, environment, api)
    finally:
        await azurite.stop()
    return Proved(*_measured(package), places.installed_bytes(), functions, health)


def _measured(package: Path) -> tuple[int, int]:
    """Return a package's size in bytes and its number of files."""
    with ZipFile(package) as archive:
        return package.stat().st_size, len(archive.namelist())


def _environment(places: Places, storage: str) -> dict[str, str]:
    settings = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    return {
        **settings,
        "PATH": os.environ["PATH"],
        # Also keep the current folder out of the module search path.
        "PYTHONPATH": os.pathsep.join((str(places.platform), str(places.site))),
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AzureWebJobsStorage": storage,
        "STORAGE_CONNECTION_STRING": storage,
        "LOCAL_TIMERS": "off",
    }


async def _ask(
    places: Places, environment: dict[str, str], port: int
) -> tuple[int, dict[str, Any]]:
    """Return how many functions the worker indexes, and the response of `/health`."""
    create = [str(places.python), "-m", "ops", "create-storage"]
    await asyncio.to_thread(subprocess.run, create, cwd=places.site, env=environment, check=True)
    host = Child("the functions host", places.run / "host.log")
    module = ["-m", "local.host", "--port", str(port), "--app", str(places.site)]
    await host.start([str(places.python), *module], environment)
    try:
        await host.until_listening(port)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=_MINUTE) as session:
            functions = await _get(session, "/admin/functions")
            return len(functions), await _get(session, "/health")
    finally:
        await host.stop()


async def _get(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as response:
        return await response.json()
