"""The proof of consent: a token, its roles, and the organisation that Graph names."""

from dataclasses import replace
from typing import Any

from adapters.graph.answers import GraphError
from adapters.graph.client import GraphClient
from adapters.identity import TokenSource, roles_of
from domain.errors import ConsentRequired, MicrosoftUnavailable, OrganizationMismatch
from domain.identifiers import TenantId
from domain.msp import Msp
from domain.permissions import READS_ORGANIZATION
from domain.tenant import Organization

_RETRY_AFTER = 10


class GraphIdentity:
    """Identity over Microsoft Identity and Microsoft Graph."""

    def __init__(self, tokens: TokenSource, graph: GraphClient) -> None:
        self._tokens, self._graph = tokens, graph

    async def prove_consent(self, msp: Msp, tenant_id: TenantId) -> Organization:
        """Return the organisation that the partner app can read, asked for once."""
        token = await self._tokens.app_token(msp, tenant_id, fresh=True)
        roles = roles_of(token)
        if not roles & READS_ORGANIZATION:
            # Entra issues tokens without roles as well: that is consent not given.
            raise ConsentRequired("The partner app may not read the organisation (yet).")
        try:
            document = await self._graph.get("/organization", token)
        except GraphError as error:
            raise _meaning(error) from None
        return replace(_organization(document, tenant_id), permissions=roles)


def _meaning(error: GraphError) -> Exception:
    if error.is_denied:
        return ConsentRequired("The partner app may not read the organisation (yet).")
    return MicrosoftUnavailable(str(error), error.retry_after or _RETRY_AFTER)


def _organization(document: dict[str, Any], tenant_id: TenantId) -> Organization:
    values = document.get("value")
    found = values[0] if isinstance(values, list) and len(values) == 1 else None
    if not isinstance(found, dict) or str(found.get("id", "")).lower() != tenant_id:
        raise OrganizationMismatch("Microsoft Graph names another organisation.")
    domain = primary_domain(found.get("verifiedDomains"))
    return Organization(tenant_id, _text(found.get("displayName")) or domain or tenant_id, domain)


def primary_domain(domains: Any) -> str | None:
    """Return the default domain, else the initial one; None when Graph names none.

    https://learn.microsoft.com/graph/api/resources/verifieddomain
    """
    known = [domain for domain in _list(domains) if isinstance(domain, dict)]
    for mark in ("isDefault", "isInitial"):
        for domain in known:
            if domain.get(mark):
                return _text(domain.get("name"))
    return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
