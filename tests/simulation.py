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

    async def faults(self, *faults: dict[str, Any]) -> None:
        await self.browser.control("PUT", "/faults", list(faults))

    async def tenant(self, tenant_id: str = OWN, **changes: Any) -> None:
        await self.browser.control("PUT", f"/tenants/{tenant_id}", changes)

    async def asked(self, part_of_path: str) -> list[dict[str, Any]]:
        log = await self.browser.control("GET", "/requests")
        return [entry for entry in log if part_of_path in entry["path"]]
