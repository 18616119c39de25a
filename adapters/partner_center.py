"""Consents in customers' tenants through Partner Center, as the MSP's service account.

https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis
"""

import asyncio
import zlib
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic
from typing import Any, override

from azure.core import AsyncPipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import (
    DistributedTracingPolicy,
    HttpLoggingPolicy,
    RequestIdPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

from adapters.entra_refusals import DelegatedAccessRefused, DelegatedConsentMissing
from adapters.graph.answers import GraphError, read_answer
from adapters.identity import TokenSource, scopes_of
from core.customer_grants import customer_grants
from core.graph_permissions import MICROSOFT_GRAPH
from domain.errors import CustomerConsentRefused, MicrosoftRefused, MicrosoftUnavailable
from domain.identifiers import TenantId
from domain.msp import Msp
from domain.ports.customer_consent import CustomerConsents

# Microsoft's limit for each application is 50 a second; requests do not arrive at equal distances.
_MOST_PER_SECOND = 40
_TIMEOUTS: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 20}
_RETRY_AFTER = 30.0
_REFUSALS: dict[int, tuple[str, str]] = {
    HTTPStatus.UNAUTHORIZED: (
        "service_account_refused",
        "Partner Center does not accept the service account's sign-in: sign it in again with MFA.",
    ),
    HTTPStatus.FORBIDDEN: (
        "not_permitted",
        (
            "Partner Center does not let the service account consent: make it a member of"
            " AdminAgents, and see that its security group has the role Cloud Application"
            " Administrator at this customer."
        ),
    ),
    HTTPStatus.NOT_FOUND: (
        "customer_not_listed",
        (
            "Partner Center does not list this customer: add it there, or have an administrator of"
            " the customer consent."
        ),
    ),
}


@dataclass(slots=True)
class _Pace:
    """Keeps an application's requests below Partner Center's limit."""

    next_at: dict[str | None, float] = field(default_factory=dict)

    async def wait(self, client_id: str | None) -> None:
        now = monotonic()
        at = max(now, self.next_at.get(client_id, now))
        self.next_at[client_id] = at + 1 / _MOST_PER_SECOND
        await asyncio.sleep(at - now)


class PartnerCenterConsents(CustomerConsents):
    """CustomerConsents over Partner Center and Microsoft Identity.

    Args:
        endpoint: URL of Partner Center without a version.
        transport: Sends the requests; by default the Azure SDK's transport over aiohttp.
    """

    def __init__(
        self,
        tokens: TokenSource,
        endpoint: str,
        transport: AsyncHttpTransport[Any, Any] | None = None,
    ) -> None:
        self._tokens, self._endpoint = tokens, endpoint
        self._pace = _Pace()
        self._client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncPipelineClient(
            endpoint,
            transport=transport,
            policies=[
                RequestIdPolicy(),
                UserAgentPolicy("Manage365"),
                DistributedTracingPolicy(
                    network_span_namer=lambda request: f"PartnerCenter {request.method}"
                ),
                HttpLoggingPolicy(),  # it redacts headers and query strings
            ],
        )

    @override
    def version_of(self, msp: Msp) -> str:
        return customer_grants(msp.app).version

    @override
    async def is_given(self, msp: Msp, tenant_id: TenantId) -> bool:
        try:
            token = await self._tokens.delegated_token(msp, tenant_id, fresh=True)
        except DelegatedConsentMissing:
            return False
        except (DelegatedAccessRefused, MicrosoftRefused) as error:
            raise CustomerConsentRefused("service_account_refused", str(error)) from None
        return scopes_of(token) >= customer_grants(msp.app).scopes

    @override
    async def give(self, msp: Msp, tenant_id: TenantId) -> None:
        token = await self._token(msp)
        path = f"{self._endpoint}/v1/customers/{tenant_id}/applicationconsents"
        posted = HttpRequest("POST", path, json=_body(msp))
        if await self._send(msp, token, posted) is not HTTPStatus.CONFLICT:
            return
        # An earlier consent cannot be changed, only replaced.
        await self._send(msp, token, HttpRequest("DELETE", f"{path}/{msp.app.client_id}"))
        # A second conflict means that another worker has consented in between.
        await self._send(msp, token, HttpRequest("POST", path, json=_body(msp)))

    async def _token(self, msp: Msp) -> str:
        """Return a token of the service account for Partner Center, at the MSP's own tenant."""
        try:
            return await self._tokens.delegated_token(
                msp, msp.app.tenant_id, resource=self._endpoint
            )
        except DelegatedConsentMissing:
            raise CustomerConsentRefused(
                "partner_center_not_consented",
                "The partner app may not call Partner Center: add Partner Center's permission"
                " user_impersonation to it, and have an owner complete consent again.",
            ) from None
        except (DelegatedAccessRefused, MicrosoftRefused) as error:
            raise CustomerConsentRefused("service_account_refused", str(error)) from None

    async def _send(self, msp: Msp, token: str, request: HttpRequest) -> HTTPStatus:
        """Send a request; return OK, or CONFLICT if there is such a consent already."""
        await self._pace.wait(msp.app.client_id)
        request.headers["Authorization"] = f"Bearer {token}"
        request.headers["Accept"] = "application/json"
        try:
            read_answer(await self._client.send_request(request, **_TIMEOUTS))
        except (AzureError, zlib.error) as error:
            raise MicrosoftUnavailable(f"Partner Center: {type(error).__name__}") from None
        except GraphError as error:
            return _meaning_of(error, request.method)
        return HTTPStatus.OK

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _body(msp: Msp) -> dict[str, Any]:
    scope = ",".join(sorted(customer_grants(msp.app).scopes))
    return {
        "applicationId": msp.app.client_id,
        "displayName": f"{msp.name} partner app",
        "applicationGrants": [{"enterpriseApplicationId": MICROSOFT_GRAPH, "scope": scope}],
    }


def _meaning_of(error: GraphError, method: str) -> HTTPStatus:
    """Return the status of an error that is no refusal; raise what the others mean.

    Partner Center's errors are recognised by status: the codes in its bodies are not documented.
    """
    if error.status == HTTPStatus.CONFLICT:
        return HTTPStatus.CONFLICT
    if error.status == HTTPStatus.NOT_FOUND and method == "DELETE":
        return HTTPStatus.OK
    if error.status < HTTPStatus.BAD_REQUEST or error.is_passing:
        wait = error.retry_after if error.retry_after is not None else _RETRY_AFTER
        raise MicrosoftUnavailable(f"Partner Center answered {error.status}.", wait)
    other = ("partner_center_refused", f"Partner Center refuses the consent ({error.status}).")
    raise CustomerConsentRefused(*_REFUSALS.get(error.status, other))
