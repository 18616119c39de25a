"""The proof of consent: a token, its roles, and the organisation that Graph returns."""

from functools import cache
from typing import Any, NotRequired, TypedDict, override

from pydantic import TypeAdapter, with_config

from adapters.graph.answers import GraphError
from adapters.graph.client import GraphClient
from adapters.identity import TokenSource, roles_of
from adapters.schema import STRICT, Guid, Malformed, Name, check
from core.graph_permissions import READS_ORGANIZATION
from domain.errors import (
    ConsentRequired,
    MicrosoftRefused,
    MicrosoftUnavailable,
    OrganizationMismatch,
)
from domain.identifiers import TenantId
from domain.msp import Msp
from domain.ports.identity import Identity
from domain.tenant import Organization

_RETRY_AFTER = 10
# There is only one organisation, and a person is waiting for the answer.
_MOST_PAGES = 5


@with_config(STRICT)
class _Organization(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/organization ."""

    id: Guid
    displayName: NotRequired[Name | None]
    verifiedDomains: NotRequired[Any]  # validated by `primary_domain`


@cache
def _schema() -> TypeAdapter[_Organization]:
    return TypeAdapter(_Organization)


@cache
def _name_schema() -> TypeAdapter[Name]:
    return TypeAdapter(Name)


class GraphIdentity(Identity):
    """Identity over Microsoft Identity and Microsoft Graph."""

    def __init__(self, tokens: TokenSource, graph: GraphClient) -> None:
        self._tokens, self._graph = tokens, graph

    @override
    async def prove_consent(self, msp: Msp, tenant_id: TenantId) -> Organization:
        token = await self._tokens.app_token(msp, tenant_id, fresh=True)
        roles = roles_of(token)
        if not roles & READS_ORGANIZATION:
            # Entra also issues tokens without roles; this means that consent is missing.
            raise ConsentRequired("The partner app may not read the organisation (yet).")
        try:
            pages = self._graph.pages(
                "/organization", lambda link: self._graph.get(link, token), most=_MOST_PAGES
            )
            found = [item async for document in pages for item in _values(document)]
        except GraphError as error:
            raise _domain_error(error) from None
        return _organization(found, tenant_id, roles)


def _domain_error(error: GraphError) -> Exception:
    if error.is_denied:
        return ConsentRequired("The partner app may not read the organisation (yet).")
    return MicrosoftUnavailable(str(error), error.retry_after or _RETRY_AFTER)


def _values(document: dict[str, Any]) -> list[Any]:
    values = document.get("value")
    return values if isinstance(values, list) else []


def _organization(found: list[Any], tenant_id: TenantId, roles: frozenset[str]) -> Organization:
    """Return the only organisation in the answer, with its validated properties.

    Raises:
        OrganizationMismatch: It is a different organisation, or there is not exactly one.
        MicrosoftRefused: Its name cannot be read.
    """
    try:
        organization = check(_schema(), found[0] if len(found) == 1 else None)
    except Malformed as fault:
        if fault.field != "displayName":
            raise OrganizationMismatch("Microsoft Graph names another organisation.") from None
        raise MicrosoftRefused(f"The organisation cannot be read ({fault}).") from None
    if organization["id"] != tenant_id:
        raise OrganizationMismatch("Microsoft Graph names another organisation.")
    domain = primary_domain(organization.get("verifiedDomains"))
    name = (organization.get("displayName") or "").strip()
    return Organization(tenant_id, name or domain or tenant_id, domain, roles)


def primary_domain(domains: Any) -> str | None:
    """Return the default domain, else the initial one; None if Graph returns neither.

    https://learn.microsoft.com/graph/api/resources/verifieddomain
    """
    known = [domain for domain in _list(domains) if isinstance(domain, dict)]
    for mark in ("isDefault", "isInitial"):
        for domain in known:
            if domain.get(mark) is True:
                return _text(domain.get("name"))
    return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    try:
        return check(_name_schema(), value).strip() or None
    except Malformed:
        return None
