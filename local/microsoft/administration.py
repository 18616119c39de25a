"""Graph for an administrator at a command line: registrations, service principals, Entra roles."""

import re
from typing import Any
from uuid import uuid4

from aiohttp import web

from domain.gdap import ROLES
from local.microsoft.accounts import accounts
from local.microsoft.answers import GraphAnswer, GraphRequest, Refused, collection
from local.microsoft.registrations import Document, Registration, Registrations
from local.microsoft.state import Microsoft

_KEY = re.compile(r"(\w+)\((\w+)='([^']*)'\)")
_BY_PRINCIPAL = re.compile(r"principalId eq '([^']+)'")
_SCOPES = {
    "applications": "Application.ReadWrite.All",
    "servicePrincipals": "Application.ReadWrite.All",
    "roleManagement": "RoleManagement.ReadWrite.Directory",
}
_UPSERT = "create-if-missing"


class Administration:
    """Answers the requests of a signed-in administrator."""

    def __init__(self, microsoft: Microsoft) -> None:
        self._known = Registrations(microsoft)

    def add_to(self, app: web.Application) -> None:
        """Add the control routes."""
        app.router.add_put("/_control/registrations", self._set)
        app.router.add_get("/_control/registrations", self._list)

    async def _set(self, request: web.Request) -> web.Response:
        """Reset to the seed; set how many requests do not see a new registration yet."""
        body = await request.json()
        if body.get("reset"):
            self._known.reset()
        self._known.unsettled = body.get("unsettled", self._known.unsettled)
        for client_id, changes in body.get("changes", {}).items():
            for one in self._known.registrations:
                if one.document["appId"] == client_id:
                    one.document |= changes
        return web.Response(status=204)

    async def _list(self, _request: web.Request) -> web.Response:
        """Return everything."""
        return web.json_response(
            {
                "applications": [
                    {**one.document, "tenantId": one.tid, "trusts": one.trusts}
                    for one in self._known.registrations
                ],
                "servicePrincipals": [
                    {"tenantId": tid, "appId": app_id, "id": object_id}
                    for (tid, app_id), object_id in self._known.principals.items()
                ],
                "roleAssignments": self._known.assignments,
            }
        )

    def answer(self, request: GraphRequest, claims: dict[str, Any]) -> GraphAnswer:
        """Answer a request, after the permission and the account's role have been checked.

        Raises:
            Refused: It is not allowed, or not valid.
        """
        parts = request.path.strip("/").split("/")
        _permit(claims, parts[0].partition("(")[0])
        tid = claims["tid"]
        match [request.method, *parts]:
            case [_, "roleManagement", "directory", "roleAssignments"]:
                return self._role_assignments(request, tid)
            case ["POST", "servicePrincipals"]:
                return self._create_principal(request.body, tid)
            case ["GET", key] if key.startswith("servicePrincipals("):
                return self._principal(key, tid)
            case ["POST", "applications"]:
                return GraphAnswer(201, _shown(self._known.create(tid, request.body), {}))
            case [_, key, *rest] if key.startswith("applications"):
                return self._application(request, tid, [key, *rest])
        raise Refused(404, "ResourceNotFound", "There is no such resource.")

    def _application(self, request: GraphRequest, tid: str, parts: list[str]) -> GraphAnswer:
        if keyed := _KEY.fullmatch(parts[0]):
            _, name, value = keyed.groups()
            rest = parts[1:]
        else:
            name, value, rest = "id", parts[1], parts[2:]
        found = self._known.find(tid, name, value)
        is_upsert = (request.method, request.prefer, name, rest) == (
            "PATCH",
            _UPSERT,
            "uniqueName",
            [],
        )
        if found is None and is_upsert:
            made = self._known.create(tid, {**request.body, "uniqueName": value})
            return GraphAnswer(201, _shown(made, {}))
        if found is None:
            raise _missing(value)
        return self._of_one(request, found, rest)

    def _of_one(self, request: GraphRequest, found: Registration, rest: list[str]) -> GraphAnswer:
        match [request.method, *rest]:
            case ["GET"]:
                return GraphAnswer(200, _shown(found, request.query))
            case ["PATCH"]:
                self._known.change(found, request.body)
                return GraphAnswer(204, None)
            case ["GET", "federatedIdentityCredentials"]:
                return collection(found.trusts)
            case ["PATCH", key] if request.prefer == _UPSERT and (keyed := _KEY.fullmatch(key)):
                is_new = self._known.trust(found, keyed[3], request.body)
                return GraphAnswer(201, found.trusts[-1]) if is_new else GraphAnswer(204, None)
        raise Refused(404, "ResourceNotFound", "There is no such resource.")

    def _principal(self, key: str, tid: str) -> GraphAnswer:
        keyed = _KEY.fullmatch(key)
        found = self._known.principals.get((tid, keyed[3])) if keyed else None
        if found is None:
            raise _missing(key)
        return GraphAnswer(200, {"id": found})

    def _create_principal(self, body: Document, tid: str) -> GraphAnswer:
        app_id = body["appId"]
        if self._known.find(tid, "appId", app_id) is None:
            message = f"The appId '{app_id}' does not reference a valid application object."
            raise Refused(400, "Request_BadRequest", message)
        if (tid, app_id) in self._known.principals:
            message = (
                "Another object with the same value for property servicePrincipalNames exists."
            )
            raise Refused(409, "Request_MultipleObjectsWithSameKeyValue", message)
        made = self._known.principals[tid, app_id] = str(uuid4())
        return GraphAnswer(201, {"id": made, "appId": app_id})

    def _role_assignments(self, request: GraphRequest, tid: str) -> GraphAnswer:
        own = [one for one in self._known.assignments if one["tenantId"] == tid]
        if request.method == "GET":
            asked = _BY_PRINCIPAL.fullmatch(request.query.get("$filter", ""))
            if asked is None:
                raise Refused(400, "Request_UnsupportedQuery", "The filter is not supported.")
            return collection([one for one in own if one["principalId"] == asked[1]])
        made = {**request.body, "tenantId": tid}
        if made["principalId"] not in self._known.principals.values():
            raise _missing(made["principalId"])
        if made["roleDefinitionId"] not in ROLES.values():
            raise Refused(400, "Request_BadRequest", "The role is not known.")
        if made in own:
            message = "A conflicting object with one or more of the specified values exists."
            raise Refused(400, "Request_BadRequest", message)
        self._known.assignments.append(made)
        return GraphAnswer(201, {"id": str(uuid4()), **request.body})


def _permit(claims: dict[str, Any], resource: str) -> None:
    account = next((a for a in accounts().values() if a.oid == claims["oid"]), None)
    needed = _SCOPES.get(resource)
    if needed not in str(claims.get("scp")).split() or account is None or not account.is_admin:
        message = "Insufficient privileges to complete the operation."
        raise Refused(403, "Authorization_RequestDenied", message)


def _missing(name: str) -> Refused:
    message = f"Resource '{name}' does not exist or one of its queried references is not present."
    return Refused(404, "Request_ResourceNotFound", message)


def _shown(registration: Registration, query: dict[str, str]) -> Document:
    """Return the selected properties; the content of certificates only if they are selected."""
    names = query.get("$select", "").split(",") if query.get("$select") else []
    shown = {k: v for k, v in registration.document.items() if not names or k in names}
    if "keyCredentials" in shown and "keyCredentials" not in names:
        shown["keyCredentials"] = [{**one, "key": None} for one in shown["keyCredentials"]]
    return shown
