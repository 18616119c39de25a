"""Sends requests to the simulated Graph within this process."""

from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from domain.gdap import ROLES
from local.microsoft.answers import GraphAnswer, GraphRequest
from local.microsoft.graph import Graph
from local.microsoft.roles import IDS
from local.microsoft.state import App, Microsoft
from local.microsoft.tenant import Tenant
from local.microsoft.tokens import SigningKeys, lifetime
from local.sample_data import CONTOSO, PERMISSIONS

ORIGIN = "https://localhost:1"
OWN, CUSTOMER = CONTOSO.own.tenant_id, CONTOSO.customers[0].tenant_id


@cache
def _keys() -> SigningKeys:
    return SigningKeys()


@dataclass(frozen=True)
class Caller:
    """An app or a service account that sends requests to one tenant."""

    microsoft: Microsoft
    tenant: Tenant
    permissions: tuple[str, ...] = PERMISSIONS
    is_delegated: bool = False

    async def __call__(
        self, method: str, url: str, body: Any = None, prefer: str = "", version: str = "v1.0"
    ) -> GraphAnswer:
        parts = urlsplit(url.removeprefix(ORIGIN).removeprefix("/v1.0").removeprefix("/beta"))
        request = GraphRequest(
            method,
            parts.path,
            dict(parse_qsl(parts.query)),
            f"Bearer {self._token()}",
            body,
            prefer=prefer,
            version=version,
        )
        return await Graph(self.microsoft, _keys()).answer(request)

    def _token(self) -> str:
        held: dict[str, Any] = {"scp": " ".join(self.permissions)}
        if not self.is_delegated:
            held = {"roles": list(self.permissions), "idtyp": "app"}
        common = {"aud": ORIGIN, "tid": self.tenant.tenant_id, "appid": CONTOSO.client_id}
        return _keys().sign({**common, **lifetime(), **held})


def app_only(*permissions: str, users: int = 60) -> Caller:
    """Return an app at a tenant of its own state."""
    return _caller(OWN, permissions, users, is_delegated=False)


def delegated(*permissions: str, roles: tuple[str, ...] = tuple(ROLES), users: int = 60) -> Caller:
    """Return a service account at a customer, with roles of a GDAP relationship."""
    made = _caller(CUSTOMER, permissions, users, is_delegated=True)
    granted = {"unifiedRoles": [{"roleDefinitionId": IDS[name]} for name in roles]}
    body = {"duration": "P30D", "customer": {"tenantId": CUSTOMER}, "accessDetails": granted}
    relationships = made.microsoft.relationships
    relationships.members[OWN] = {"group"}
    identity = relationships.add(OWN, body)["id"]
    relationships.accept(identity)
    container = {"accessContainerId": "group", "accessContainerType": "securityGroup"}
    relationships.assign(identity, {"accessContainer": container, "accessDetails": granted})
    return made


def _caller(tid: str, permissions: tuple[str, ...], users: int, *, is_delegated: bool) -> Caller:
    tenant = Tenant.made(tid, "Contoso", "contoso.com", 1, users)
    app = App(CONTOSO.client_id, OWN, (), CONTOSO, "")
    microsoft = Microsoft(ORIGIN, {tid: tenant}, {CONTOSO.client_id: app})
    return Caller(microsoft, tenant, permissions or PERMISSIONS, is_delegated)
