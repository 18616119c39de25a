"""Fixtures that more than one kind of test shares."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from local.azurite import connection_string, start_azurite
from local.processes import free_ports

settings.register_profile("project", deadline=None, max_examples=60)
settings.load_profile("project")


@pytest.fixture(scope="session")
async def azurite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A real Azurite with its data in memory; its connection string."""
    ports = free_ports(3)
    run_dir: Path = tmp_path_factory.mktemp("azurite")
    child = await start_azurite(run_dir, (ports[0], ports[1], ports[2]), None, os.environ["PATH"])
    yield connection_string(*ports)
    await child.stop()
