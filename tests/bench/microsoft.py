"""The services for sync benchmarks: real Azurite, and a simulated Microsoft with latency."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from azure.core.pipeline.transport import AioHttpTransport

from adapters.clock import SystemClock
from adapters.credentials import Credentials
from adapters.graph.client import GraphClient
from adapters.identity import TokenSource
from adapters.secrets import FileSecrets
from local.azurite import connection_string, start_azurite
from local.browser import Browser
from local.microsoft.certificates import make_certificates
from local.processes import Child, free_ports
from tests.simulation import ROOT, Simulation


@asynccontextmanager
async def microsoft(run_dir: Path) -> AsyncIterator[tuple[Simulation, TokenSource, GraphClient]]:
    """Start the simulation; clients in this process trust its certificate."""
    make_certificates(run_dir)
    (port,) = free_ports(1)
    child = Child("the simulated Microsoft", run_dir / "microsoft.log")
    command = [sys.executable, "-m", "local.microsoft", "--port", str(port)]
    await child.start(
        [*command, "--run-dir", str(run_dir)], {**os.environ, "PYTHONPATH": str(ROOT)}
    )
    await child.until_listening(port)
    ca = str(run_dir / "ca.pem")
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"] = ca
    origin = f"https://localhost:{port}"
    tokens = TokenSource(
        origin, origin, Credentials(FileSecrets(run_dir / "secrets"), SystemClock())
    )
    graph = GraphClient(origin, AioHttpTransport(connection_verify=ca))
    try:
        async with Browser("", f"https://127.0.0.1:{port}", run_dir / "ca.pem") as browser:
            yield Simulation(origin, run_dir, browser), tokens, graph
    finally:
        await graph.close()
        await child.stop()


@asynccontextmanager
async def azurite(run_dir: Path) -> AsyncIterator[str]:
    """Start Azurite with its data in memory; yield its connection string."""
    ports = free_ports(3)
    child = await start_azurite(run_dir, (ports[0], ports[1], ports[2]), None, os.environ["PATH"])
    try:
        yield connection_string(*ports)
    finally:
        await child.stop()
