"""The stack: Azurite, the simulated Microsoft and the functions host, started and stopped."""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from local.azurite import connection_string, start_azurite
from local.load_samples import seed
from local.microsoft.certificates import make_certificates
from local.processes import Child, StartFailed, check_free, free_ports
from local.sample_data import (
    API_AUDIENCE,
    IDENTITY_CLIENT_ID,
    IDENTITY_HEADER,
    PARTNER_CENTER,
    SELLER_ABN,
)

ROOT = Path(__file__).parent.parent
PORTAL = "https://portal.manage365.example"


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a stack."""

    api: int
    microsoft: int
    blob: int
    queue: int
    table: int

    @classmethod
    def free(cls) -> Self:
        """Return five free ports."""
        return cls(*free_ports(5))

    @classmethod
    def from_environment(cls) -> Self:
        """Return the ports that the environment names, or the default ones."""
        names = {
            "API_PORT": 7071,
            "MICROSOFT_PORT": 7443,
            "AZURITE_BLOB_PORT": 10000,
            "AZURITE_QUEUE_PORT": 10001,
            "AZURITE_TABLE_PORT": 10002,
        }
        return cls(*(int(os.environ.get(name, default)) for name, default in names.items()))


@dataclass(slots=True)
class Stack:
    """A running stack.

    Args:
        run_dir: For certificates, secrets and logs.
        store: Where Azurite keeps its data; None keeps it in memory.
        timers: Whether timers fire on schedule; tests fire them manually.
        settings: Settings of the app in addition to the stack's own.
        launch: Creates the process of the functions host; tests pass one that starts faster.
    """

    run_dir: Path
    ports: Ports = field(default_factory=Ports.free)
    store: Path | None = None
    timers: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    launch: Callable[[str, Path], Child] = Child
    page_token_key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _children: list[Child] = field(default_factory=list)
    _host: Child | None = None

    @property
    def api(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.ports.api}"

    @property
    def microsoft(self) -> str:
        """Address of the simulated Microsoft."""
        return f"https://127.0.0.1:{self.ports.microsoft}"

    @property
    def ca(self) -> Path:
        """The CA certificate that signed the simulation's certificate."""
        return self.run_dir / "ca.pem"

    @property
    def storage(self) -> str:
        """Azurite's connection string."""
        return connection_string(self.ports.blob, self.ports.queue, self.ports.table)

    @property
    def environment(self) -> dict[str, str]:
        """The app's environment, like its settings in Azure."""
        origin = f"https://localhost:{self.ports.microsoft}"
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "AzureWebJobsStorage": self.storage,
            "STORAGE_CONNECTION_STRING": self.storage,
            "ENTRA_AUTHORITY": origin,
            "GRAPH_ENDPOINT": origin,
            "PARTNER_CENTER_ENDPOINT": origin + PARTNER_CENTER,
            "API_AUDIENCE": API_AUDIENCE,
            "PAGE_TOKEN_KEY": self.page_token_key,
            "PORTAL_URL": PORTAL,
            "CONSENT_REDIRECT_URI": f"{self.api}/consent/callback",
            "SECRETS_DIR": str(self.run_dir / "secrets"),
            "SYNC_SCHEDULE": "*/30 * * * * *",
            "GDAP_SCHEDULE": "15 * * * * *",
            "RECOVERY_SCHEDULE": "30 * * * * *",
            "INVOICE_SCHEDULE": "0 15 * * * *",
            "SELLER_ABN": SELLER_ABN,
            # These make MSAL's requests and aiohttp's TLS trust the simulation.
            "REQUESTS_CA_BUNDLE": str(self.ca),
            "SSL_CERT_FILE": str(self.ca),
            # App Service uses these to pass an app the address for managed identity tokens.
            "AZURE_CLIENT_ID": IDENTITY_CLIENT_ID,
            "IDENTITY_ENDPOINT": f"{origin}/msi/token",
            "IDENTITY_HEADER": IDENTITY_HEADER,
            "LOCAL_TIMERS": "on" if self.timers else "off",
            **self.settings,
        }

    async def start(self) -> None:
        """Start everything, and write the seed into storage.

        Raises:
            StartFailed: A port is in use, or a part does not start.
        """
        for port in astuple(self.ports):
            check_free(port)
        self.run_dir.mkdir(parents=True, exist_ok=True)
        make_certificates(self.run_dir)
        azurite_ports = (self.ports.blob, self.ports.queue, self.ports.table)
        microsoft = Child("the simulated Microsoft", self.run_dir / "microsoft.log")
        self._children.append(microsoft)
        await microsoft.start(
            [
                sys.executable,
                "-m",
                "local.microsoft",
                *("--port", str(self.ports.microsoft)),
                *("--run-dir", str(self.run_dir)),
            ],
            {**os.environ, "PYTHONPATH": str(ROOT)},
        )
        azurite = await start_azurite(self.run_dir, azurite_ports, self.store, os.environ["PATH"])
        self._children.append(azurite)
        await seed(self.storage)
        await microsoft.until_listening(self.ports.microsoft)
        await self.start_host()

    async def start_host(self, settings: Mapping[str, str] | None = None) -> Child:
        """Start the functions host.

        Args:
            settings: Settings for this start only.
        """
        host = self.launch("the functions host", self.run_dir / "host.log")
        command = [sys.executable, "-m", "local.host", "--port", str(self.ports.api)]
        environment = {**self.environment, **(settings or {})}
        # As in `infra/`: only the portal's origin may call.
        portal = urlsplit(environment["PORTAL_URL"])
        command += ["--app", str(ROOT), "--cors", f"{portal.scheme}://{portal.netloc}"]
        await host.start(command, environment)
        self._host = host
        await host.until_listening(self.ports.api)
        return host

    @property
    def host(self) -> Child:
        """The functions host's process.

        Raises:
            StartFailed: It is not running.
        """
        if self._host is None:
            raise StartFailed("the functions host is not running")
        return self._host

    async def stop_host(self, *, kill: bool = False) -> None:
        """Stop the functions host, or kill it."""
        if self._host is not None:
            await (self._host.kill() if kill else self._host.stop())
            self._host = None

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Keep serving until the event is set.

        Raises:
            Ended: A process ended before.
        """
        parts = [asyncio.ensure_future(child.serve()) for child in (*self._children, self.host)]
        stopped = asyncio.ensure_future(stop.wait())
        ended, waiting = await asyncio.wait({stopped, *parts}, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        for one in ended:
            one.result()

    async def stop(self) -> None:
        """Stop everything."""
        await self.stop_host()
        for child in reversed(self._children):
            await child.stop()
        self._children.clear()

    def ready_line(self) -> str:
        """Return the line that is printed once the stack serves."""
        where = {"api": self.api, "microsoft": self.microsoft, "ca": str(self.ca)}
        return f"ready {json.dumps(where)}"

    async def __aenter__(self) -> Self:
        """Start the stack; if a part does not start, stop the ones that did."""
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the stack."""
        await self.stop()
