"""Changes of a tenant, with the kind of token that its connection requires.

A change is sent once. Only if Graph has not accepted the token, and so has not read the request,
is it sent again with a fresh one.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, override

from adapters.entra_refusals import DelegatedAccessRefused
from adapters.graph.answers import GraphError
from adapters.graph.client import GraphClient
from adapters.identity import TokenSource
from domain.errors import (
    ConsentRequired,
    MicrosoftError,
    MicrosoftUnavailable,
    RoleRequired,
    TenantNotManageable,
)
from domain.msp import Msp
from domain.ports.graph_writer import (
    AnswerLost,
    Applied,
    GraphWrite,
    GraphWriter,
    Refused,
    Throttled,
    WriteAnswer,
)
from domain.tenant import Tenant

_RETRY_AFTER = 10.0
# A gateway's answers: the change may have been made behind it.
_UNSURE = {0, 408, 500, 502, 503, 504}


class TenantRequests:
    """Requests to one tenant's Graph, with its token."""

    def __init__(self, tokens: TokenSource, graph: GraphClient, msp: Msp, tenant: Tenant) -> None:
        self.graph, self._tokens, self._msp, self._tenant = graph, tokens, msp, tenant

    async def send[T](self, request: Callable[[str], Awaitable[T]]) -> T:
        """Send a request; if Graph does not accept the token, once again with a fresh one.

        Raises:
            GraphError: The request was not successful.
            TenantNotManageable: There is no token for the customer.
        """
        try:
            return await request(await self._token(fresh=False))
        except GraphError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
        return await request(await self._token(fresh=True))

    async def get(self, path: str) -> dict[str, Any] | None:
        """Return the object at a path or link, or None if there is none.

        Raises:
            ConsentRequired: The partner app lacks the permission to read it.
            RoleRequired: The service account lacks the role to read it.
            MicrosoftUnavailable: Graph does not answer, or asks to wait.
            MicrosoftError: Graph refuses.
        """
        try:
            return await self.send(lambda token: self.graph.get(path, token))
        except GraphError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise self.domain_error(error) from None

    async def _token(self, *, fresh: bool) -> str:
        try:
            return await self._tokens.tenant_token(self._msp, self._tenant, fresh=fresh)
        except DelegatedAccessRefused as refusal:
            raise TenantNotManageable(str(refusal)) from None

    def domain_error(self, error: GraphError) -> Exception:
        """Return the error that a failed read means."""
        if error.is_passing or error.status == 0:
            return MicrosoftUnavailable(str(error), error.retry_after or _RETRY_AFTER)
        if error.is_denied and self._tenant.is_own_msp_tenant:
            return ConsentRequired("The partner app may not read the tenant's directory.")
        if error.is_denied:
            return RoleRequired(
                "The service account may not read the customer's directory: give its security"
                " group the role Global Reader."
            )
        request = f" Request {error.request_id}." if error.request_id else ""
        return MicrosoftError(f"{error}.{request}")


class GraphTenantWriter(GraphWriter):
    """GraphWriter with app-only access to the partner tenant and delegated access to customers."""

    def __init__(self, tokens: TokenSource, graph: GraphClient) -> None:
        self._tokens, self._graph = tokens, graph

    @override
    async def read(self, msp: Msp, tenant: Tenant, path: str) -> Mapping[str, Any] | None:
        found = await TenantRequests(self._tokens, self._graph, msp, tenant).get(path)
        if found is None:
            return None
        return {name: value for name, value in found.items() if not name.startswith("@odata.")}

    @override
    async def write(self, msp: Msp, tenant: Tenant, write: GraphWrite) -> WriteAnswer:
        requests = TenantRequests(self._tokens, self._graph, msp, tenant)
        try:
            return Applied(
                await requests.send(
                    lambda token: self._graph.write(write.method, write.path, token, write.body)
                )
            )
        except GraphError as error:
            return _answer(error)


def _answer(error: GraphError) -> WriteAnswer:
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(error.retry_after or _RETRY_AFTER)
    if error.status in _UNSURE:
        return AnswerLost(str(error))
    return Refused(error.status, error.code, error.request_id)
