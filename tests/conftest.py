"""Fixtures that several kinds of tests share."""

import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.core.pipeline.transport import AioHttpTransport
from hypothesis import settings

from adapters.clock import SystemClock
from adapters.credentials import Credentials
from adapters.graph.client import GraphClient
from adapters.identity import TokenSource
from adapters.secrets import FileSecrets
from local.azurite import connection_string, start_azurite
from local.browser import Browser
from local.microsoft.certificates import make_certificates
from local.processes import Child, free_ports
from local.sample_data import MSPS
from tests.simulation import ROOT, Simulation

_EXAMPLES = int(os.environ.get("EXAMPLES", "20"))
settings.register_profile("project", deadline=None, max_examples=_EXAMPLES)
settings.load_profile("project")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificates that every stack of this session uses."""
    folder: Path = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture(scope="session")
async def azurite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A real Azurite with its data in memory; its connection string."""
    ports = free_ports(3)
    run_dir: Path = tmp_path_factory.mktemp("azurite")
    child = await start_azurite(run_dir, (ports[0], ports[1], ports[2]), None, os.environ["PATH"])
    yield connection_string(*ports)
    await child.stop()


@pytest.fixture(scope="session")
async def microsoft(
    tmp_path_factory: pytest.TempPathFactory, certificates: Path
) -> AsyncIterator[Simulation]:
    """The simulated Microsoft in a separate process."""
    run_dir = tmp_path_factory.mktemp("microsoft")
    shutil.copytree(certificates, run_dir, dirs_exist_ok=True)
    (port,) = free_ports(1)
    child = Child("the simulated Microsoft", run_dir / "microsoft.log")
    command = [sys.executable, "-m", "local.microsoft", "--port", str(port)]
    await child.start(
        [*command, "--run-dir", str(run_dir)], {**os.environ, "PYTHONPATH": str(ROOT)}
    )
    await child.until_listening(port)
    async with Browser("", f"https://127.0.0.1:{port}", run_dir / "ca.pem") as browser:
        yield Simulation(f"https://localhost:{port}", run_dir, browser)
    await child.stop()


@pytest.fixture
async def simulation(microsoft: Simulation) -> Simulation:
    """The simulation in its initial state: no faults, no consents, no recorded requests."""
    await microsoft.faults()
    for msp in MSPS:
        await microsoft.tenant(
            msp.own.tenant_id,
            consented=False,
            propagationSeconds=0,
            revokedPermissions=[],
            users=msp.own.users,
        )
    await microsoft.browser.control("DELETE", "/requests")
    return microsoft


@pytest.fixture
def secrets(simulation: Simulation) -> FileSecrets:
    return FileSecrets(simulation.run_dir / "secrets")


@pytest.fixture
def tokens(
    simulation: Simulation, secrets: FileSecrets, monkeypatch: pytest.MonkeyPatch
) -> TokenSource:
    # This makes MSAL's requests trust the simulation.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(simulation.run_dir / "ca.pem"))
    credentials = Credentials(secrets, SystemClock())
    return TokenSource(simulation.origin, simulation.origin, credentials)


@pytest.fixture
async def graph(simulation: Simulation) -> AsyncIterator[GraphClient]:
    trusting = AioHttpTransport(connection_verify=str(simulation.run_dir / "ca.pem"))
    client = GraphClient(simulation.origin, trusting)
    yield client
    await client.close()
