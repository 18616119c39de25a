"""The simulated Microsoft in a process of its own, and the adapters that talk to it."""

import os
import sys
from collections.abc import AsyncIterator

import pytest
from azure.core.pipeline.transport import AioHttpTransport

from adapters.graph.client import GraphClient
from adapters.identity import TokenSource
from adapters.secrets import FileSecrets
from local.browser import Browser
from local.microsoft.certificates import make_certificates
from local.processes import Child, free_ports
from local.seed import MSPS
from tests.adapters.simulation import ROOT, Simulation


@pytest.fixture(scope="session")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulation]:
    run_dir = tmp_path_factory.mktemp("microsoft")
    make_certificates(run_dir)
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
async def simulation(process: Simulation) -> Simulation:
    """The simulation at its start: no faults, nobody's consent, nothing noted."""
    await process.faults()
    for msp in MSPS:
        await process.tenant(
            msp.own.tenant_id,
            consented=False,
            propagationSeconds=0,
            revokedPermissions=[],
            users=msp.own.users,
        )
    await process.browser.control("DELETE", "/requests")
    return process


@pytest.fixture
def secrets(simulation: Simulation) -> FileSecrets:
    return FileSecrets(simulation.run_dir / "secrets")


@pytest.fixture
def tokens(
    simulation: Simulation, secrets: FileSecrets, monkeypatch: pytest.MonkeyPatch
) -> TokenSource:
    # MSAL's requests trust the simulation by this alone.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(simulation.run_dir / "ca.pem"))
    return TokenSource.over(simulation.origin, simulation.origin, secrets)


@pytest.fixture
async def graph(simulation: Simulation) -> AsyncIterator[GraphClient]:
    trusting = AioHttpTransport(connection_verify=str(simulation.run_dir / "ca.pem"))
    client = GraphClient(simulation.origin, trusting)
    yield client
    await client.close()
