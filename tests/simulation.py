"""The simulated Microsoft alone, as tests control it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from domain.identifiers import TenantId
from domain.msp import PartnerApp
from local.browser import Browser
from local.seed import CONTOSO
from tests.samples import MSP as SAMPLE

ROOT = Path(__file__).parents[1]
OWN = TenantId(CONTOSO.own.tenant_id)
CUSTOMER = TenantId(CONTOSO.customers[0].tenant_id)
MSP = replace(
    SAMPLE,
    app=PartnerApp(CONTOSO.client_id, OWN, CONTOSO.credential, CONTOSO.service_account),
)


@dataclass(frozen=True, slots=True)
class Simulation:
    """A running simulation; `origin` is Entra's authority and Graph's endpoint alike."""

    origin: str
    run_dir: Path
    browser: Browser

    def app_environment(self, storage: str) -> dict[str, str]:
        """Return the settings of an app that talks to this simulation."""
        ca = str(self.run_dir / "ca.pem")
        return {
            "PYTHONPATH": str(ROOT),
            "STORAGE_CONNECTION_STRING": storage,
            "AzureWebJobsStorage": storage,
            "ENTRA_AUTHORITY": self.origin,
            "GRAPH_ENDPOINT": self.origin,
            "SECRETS_DIR": str(self.run_dir / "secrets"),
            "API_AUDIENCE": "a",
            "PORTAL_URL": "p",
            "CONSENT_REDIRECT_URI": "c",
            "SYNC_SCHEDULE": "0 * * * * *",
            "GDAP_SCHEDULE": "15 * * * * *",
            "RECOVERY_SCHEDULE": "0 * * * * *",
            "REQUESTS_CA_BUNDLE": ca,
            "SSL_CERT_FILE": ca,
        }

    async def faults(self, *faults: dict[str, Any]) -> None:
        await self.browser.control("PUT", "/faults", list(faults))

    async def tenant(self, tenant_id: str = OWN, **changes: Any) -> None:
        await self.browser.control("PUT", f"/tenants/{tenant_id}", changes)

    async def asked(self, part_of_path: str) -> list[dict[str, Any]]:
        log = await self.browser.control("GET", "/requests")
        return [entry for entry in log if part_of_path in entry["path"]]
