"""App Service's endpoint for tokens of the app's managed identity.

https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

import hmac
import time

from aiohttp import web

from local import sample_data
from local.microsoft.state import Microsoft
from local.microsoft.tokens import SigningKeys, lifetime


class ManagedIdentity:
    """The route of one user-assigned managed identity, in the service's own tenant."""

    def __init__(self, microsoft: Microsoft, keys: SigningKeys) -> None:
        self._microsoft, self._keys = microsoft, keys

    def add_to(self, app: web.Application) -> None:
        """Add the route."""
        app.router.add_get("/msi/token", self._token)

    async def _token(self, request: web.Request) -> web.Response:
        given = request.headers.get("X-IDENTITY-HEADER", "")
        if not hmac.compare_digest(given.encode(), sample_data.IDENTITY_HEADER.encode()):
            return web.json_response({"statusCode": 401, "message": "Unauthorized"}, status=401)
        if request.query.get("client_id") != sample_data.IDENTITY_CLIENT_ID:
            message = "No managed identity of this client ID is assigned to the app."
            return web.json_response({"statusCode": 400, "message": message}, status=400)
        resource = request.query.get("resource", "")
        claims = {
            "iss": f"{self._microsoft.origin}/{sample_data.SERVICE_TENANT_ID}/v2.0",
            "sub": sample_data.IDENTITY_OBJECT_ID,
            "oid": sample_data.IDENTITY_OBJECT_ID,
            "tid": sample_data.SERVICE_TENANT_ID,
            "aud": resource,
            **lifetime(),
        }
        answer = {
            "access_token": self._keys.sign(claims),
            "expires_on": str(int(time.time()) + 3599),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": sample_data.IDENTITY_CLIENT_ID,
        }
        return web.json_response(answer)
