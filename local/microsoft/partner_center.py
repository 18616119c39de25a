"""Partner Center: consents to a partner's app in its customers' tenants.

https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis
"""

import re
import time
from collections import deque
from typing import Any

import jwt
from aiohttp import web

from domain.gdap import ROLES
from local.microsoft.state import App, Microsoft
from local.microsoft.tokens import SigningKeys
from local.sample_data import PARTNER_CENTER

_MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"
_MOST_PER_SECOND = 50
_SCOPE = re.compile(r"[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*")
_CONSENTING_ROLE = ROLES["Cloud Application Administrator"]


class Refused(Exception):
    """An error response in Partner Center's format."""

    def __init__(self, status: int, code: str, description: str, retry_after: int = 0) -> None:
        super().__init__(description)
        body = {"code": code, "description": description, "data": [], "source": "PartnerCenter"}
        headers = {"Retry-After": str(retry_after)} if retry_after else {}
        self.response = web.json_response(body, status=status, headers=headers)


class PartnerCenter:
    """The routes of the simulated Partner Center."""

    def __init__(self, microsoft: Microsoft, keys: SigningKeys) -> None:
        self._microsoft, self._keys = microsoft, keys
        self._lately: dict[str, deque[float]] = {}

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        path = PARTNER_CENTER + "/v1/customers/{tid}/applicationconsents"
        app.router.add_post(path, self._answer)
        app.router.add_delete(path + "/{app}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            app, tid = self._permitted(request)
            if request.method == "POST":
                return self._post(app, tid, await request.json())
            return self._delete(app, tid, request.match_info["app"])
        except Refused as refused:
            return refused.response

    def _post(self, app: App, tid: str, body: Any) -> web.Response:
        scopes = _scopes(body, app)
        if (app.client_id, tid) in self._microsoft.consents:
            raise Refused(409, "409", "The consent exists already.")
        seconds = self._microsoft.tenants[tid].propagation_seconds
        self._microsoft.consent(app.client_id, tid, seconds, scopes)
        return web.json_response(body, status=201)

    def _delete(self, app: App, tid: str, named: str) -> web.Response:
        key = (app.client_id, tid)
        if named != app.client_id or key not in self._microsoft.consents:
            raise Refused(404, "404", "There is no such consent.")
        del self._microsoft.consents[key]
        return web.Response(status=204)

    def _permitted(self, request: web.Request) -> tuple[App, str]:
        """Return the calling app and the customer.

        Raises:
            Refused: The token, the account, its roles or the customer do not allow the request.
        """
        app, tid = self._app(request), request.match_info["tid"].lower()
        self._count(app.client_id)
        relationships, home = self._microsoft.relationships, app.home
        if tid in self._microsoft.unlisted or not relationships.is_customer(home, tid):
            raise Refused(404, "404", "The customer was not found.")
        is_agent = home not in self._microsoft.without_admin_agents
        if not is_agent or _CONSENTING_ROLE not in relationships.roles(home, tid):
            raise Refused(403, "403", "The caller is not authorised to access the resource.")
        return app, tid

    def _app(self, request: web.Request) -> App:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            claims = self._keys.read(token, self._microsoft.origin + PARTNER_CENTER)
        except jwt.PyJWTError:
            raise Refused(401, "401", "The token is not valid.") from None
        if claims.get("scp") != "user_impersonation":
            raise Refused(401, "401", "The token is not of an app and a user.")
        return self._microsoft.apps[claims["appid"]]

    def _count(self, client_id: str) -> None:
        now = time.monotonic()
        lately = self._lately.setdefault(client_id, deque())
        while lately and lately[0] <= now - 1:
            lately.popleft()
        if len(lately) >= _MOST_PER_SECOND:
            raise Refused(429, "429", "Too many requests.", retry_after=1)
        lately.append(now)


def _scopes(body: Any, app: App) -> frozenset[str]:
    """Return the scopes of Microsoft Graph that a request consents to."""
    try:
        (grant,) = body["applicationGrants"]
        names = grant["scope"].split(",")
        is_good = grant["enterpriseApplicationId"] == _MICROSOFT_GRAPH
    except (LookupError, TypeError, ValueError, AttributeError):
        raise Refused(400, "400", "The body is not valid.") from None
    if not is_good or not all(map(_SCOPE.fullmatch, names)):
        raise Refused(400, "400", "A grant is not valid.")
    if body.get("applicationId") != app.client_id:
        raise Refused(400, "400", "An app can only be consented to by itself.")
    return frozenset(names)
