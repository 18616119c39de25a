"""The simulated Microsoft on its own, controlled by tests."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from domain.gdap import ROLES
from domain.identifiers import TenantId
from domain.msp import PartnerApp, SecurityGroup
from local.browser import Browser
from local.sample_data import CONTOSO, PARTNER_CENTER
from tests.samples import MSP as SAMPLE

ROOT = Path(__file__).parents[1]
OWN = TenantId(CONTOSO.own.tenant_id)
CUSTOMER = TenantId(CONTOSO.customers[0].tenant_id)
MSP = replace(
    SAMPLE,
    app=PartnerApp(
        client_id=CONTOSO.client_id,
        tenant_id=OWN,
        credential=CONTOSO.credential,
        service_account=CONTOSO.service_account,
        security_groups=(SecurityGroup(CONTOSO.security_group, tuple(ROLES)),),
    ),
)


def app_environment(storage: str, microsoft: str, run_dir: Path) -> dict[str, str]:
    """Return the settings of an app.

    Args:
        storage: A connection string.
        microsoft: Address of the simulated Entra ID and Graph.
        run_dir: The folder with the certificates and secrets of both.
    """
    ca = str(run_dir / "ca.pem")
    return {
        "PYTHONPATH": str(ROOT),
        "STORAGE_CONNECTION_STRING": storage,
        "AzureWebJobsStorage": storage,
        "ENTRA_AUTHORITY": microsoft,
        "GRAPH_ENDPOINT": microsoft,
        "PARTNER_CENTER_ENDPOINT": microsoft + PARTNER_CENTER,
        "SECRETS_DIR": str(run_dir / "secrets"),
        "API_AUDIENCE": "a",
        "PAGE_TOKEN_KEY": "k" * 32,
        "PORTAL_URL": "p",
        "CONSENT_REDIRECT_URI": "c",
        "SELLER_ABN": "35000000365",
        "SYNC_SCHEDULE": "0 * * * * *",
        "GDAP_SCHEDULE": "15 * * * * *",
        "RECOVERY_SCHEDULE": "0 * * * * *",
        "INVOICE_SCHEDULE": "0 * * * * *",
        "REQUESTS_CA_BUNDLE": ca,
        "SSL_CERT_FILE": ca,
    }


@dataclass(frozen=True, slots=True)
class Simulation:
    """A running simulation; `origin` is both Entra's authority and Graph's endpoint."""

    origin: str
    run_dir: Path
    browser: Browser

    def app_environment(self, storage: str) -> dict[str, str]:
        """Return the settings of an app that talks to this simulation."""
        return app_environment(storage, self.origin, self.run_dir)

    async def faults(self, *faults: dict[str, Any]) -> None:
        await self.browser.control("PUT", "/faults", list(faults))

    async def tenant(self, tenant_id: str = OWN, **changes: Any) -> None:
        await self.browser.control("PUT", f"/tenants/{tenant_id}", changes)

    async def asked(self, part_of_path: str) -> list[dict[str, Any]]:
        log = await self.browser.control("GET", "/requests")
        return [entry for entry in log if part_of_path in entry["path"]]

    async def gdap(self, relationship_id: str, action: str) -> None:
        """Act as the customer's admin, or let time pass."""
        await self.browser.control("POST", f"/gdap/{relationship_id}/{action}")

    async def made_in_partner_center(self, customer: str, *roles: str) -> str:
        """Create a relationship without the product; return its ID."""
        names = roles or tuple(ROLES)
        made = await self.browser.control(
            "POST",
            "/gdap",
            {
                "home": OWN,
                "displayName": str(uuid4()),
                "duration": "P30D",
                "customer": {"tenantId": customer, "displayName": "A customer"},
                "accessDetails": {
                    "unifiedRoles": [{"roleDefinitionId": ROLES[name]} for name in names]
                },
            },
        )
        return str(made["id"])
