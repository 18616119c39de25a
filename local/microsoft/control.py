"""Control routes, for tests: recorded requests, faults, tenants, changes, tokens, GDAP."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from aiohttp import web
from cryptography import x509

from local import sample_data
from local.microsoft.directory import Change
from local.microsoft.roles import IDS
from local.microsoft.state import Microsoft, Trust
from local.microsoft.tenant import Tenant
from local.microsoft.tenant_settings import ObjectRoutes, set_content
from local.microsoft.tokens import SigningKeys, lifetime


class Control:
    """The control routes."""

    def __init__(self, microsoft: Microsoft, keys: SigningKeys) -> None:
        self._microsoft, self._keys = microsoft, keys

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        add = app.router
        ObjectRoutes(self._microsoft).add_to(app)
        add.add_get("/_control/requests", self._requests)
        add.add_delete("/_control/requests", self._forget)
        add.add_put("/_control/faults", self._faults)
        add.add_put("/_control/tenants/{tid}", self._tenant)
        add.add_put("/_control/apps/{id}", self._app)
        add.add_post("/_control/tenants/{tid}/changes", self._changes)
        add.add_post("/_control/tenants/{tid}/customers", self._customers)
        add.add_post("/_control/gdap/{id}/{action:accept|terminate|expire}", self._gdap)
        add.add_post("/_control/gdap", self._make_gdap)
        add.add_post("/_control/tokens", self._token)
        add.add_post("/_control/keys/rotate", self._rotate)

    async def _requests(self, request: web.Request) -> web.Response:
        since = int(request.query.get("since", 0))
        return web.json_response([r for r in self._microsoft.requests if r["seq"] > since])

    async def _forget(self, _request: web.Request) -> web.Response:
        self._microsoft.requests.clear()
        return web.Response(status=204)

    async def _faults(self, request: web.Request) -> web.Response:
        self._microsoft.faults = await request.json()
        return web.Response(status=204)

    async def _tenant(self, request: web.Request) -> web.Response:
        tenant = self._find(request)
        body = await request.json()
        if "users" in body:
            tenant.directory.reset(body["users"])
        tenant.propagation_seconds = body.get("propagationSeconds", tenant.propagation_seconds)
        if "revokedPermissions" in body:
            tenant.revoked = set(body["revokedPermissions"])
        if "consented" in body:
            self._consent(tenant, given=body["consented"])
        self._set_partner_center(tenant, body)
        tenant.wants_mfa = body.get("mfaRequired", tenant.wants_mfa)
        directory = tenant.directory
        directory.tells_all = body.get("tellsAll", directory.tells_all)
        self._set_access(tenant, body)
        set_content(tenant, body)
        if body.get("expireDeltaLinks"):
            directory.oldest_delta = len(directory.changes) + 1
            directory.changes.append(Change(0))
        return web.Response(status=204)

    def _set_partner_center(self, tenant: Tenant, body: dict[str, Any]) -> None:
        """Set whether Partner Center lists a customer, and whether a partner is an AdminAgent."""
        microsoft = self._microsoft
        for option, refused in (
            ("listedInPartnerCenter", microsoft.unlisted),
            ("adminAgent", microsoft.without_admin_agents),
        ):
            if option in body:
                (refused.discard if body[option] else refused.add)(tenant.tenant_id)

    async def _app(self, request: web.Request) -> web.Response:
        """Replace an app's credentials, as its owner would: the previous ones become invalid."""
        app, body = self._microsoft.apps[request.match_info["id"]], await request.json()
        if "certificate" in body:
            certificate = x509.load_pem_x509_certificate(body["certificate"].encode())
            app = replace(app, certificates=(certificate,))
        if "trust" in body:
            app = replace(app, trust=body["trust"] and Trust(**body["trust"]))
        app = replace(
            app,
            secret=body.get("secret", app.secret),
            secret_is_expired=body.get("secretIsExpired", app.secret_is_expired),
        )
        self._microsoft.apps[app.client_id] = app
        return web.Response(status=204)

    def _set_access(self, tenant: Tenant, body: dict[str, Any]) -> None:
        """Set which groups a partner's service account is in, and the roles of an assignment."""
        relationships = self._microsoft.relationships
        if "serviceAccountGroups" in body:
            relationships.members[tenant.tenant_id] = set(body["serviceAccountGroups"])
        relationships.assignment_seconds = body.get(
            "assignmentSeconds", relationships.assignment_seconds
        )
        if "gdapRoles" not in body:
            return
        roles = [{"roleDefinitionId": IDS[name]} for name in body["gdapRoles"]]
        for key, relationship in relationships.by_id.items():
            if relationship["customer"]["tenantId"] == tenant.tenant_id:
                for assignment in relationships.assignments[key]:
                    assignment["accessDetails"] = {"unifiedRoles": roles}

    def _consent(self, tenant: Tenant, *, given: bool) -> None:
        """Grant or revoke consent to every MSP's app, or only to the app of its own MSP."""
        own = [app for app in self._microsoft.apps.values() if app.home == tenant.tenant_id]
        for app in own or self._microsoft.apps.values():
            if given:
                self._microsoft.consent(app.client_id, tenant.tenant_id, tenant.propagation_seconds)
            else:
                self._microsoft.consents.pop((app.client_id, tenant.tenant_id), None)

    async def _changes(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._find(request).directory.change(
            body.get("create", 0), body.get("update", 0), body.get("delete", 0)
        )
        return web.Response(status=204)

    async def _customers(self, request: web.Request) -> web.Response:
        """Add customers to the MSP whose own tenant is named; respond with their IDs."""
        home, body = self._find(request).tenant_id, await request.json()
        added = [
            self._microsoft.add_customer(home, body.get("users", 10))
            for _ in range(body.get("count", 1))
        ]
        return web.json_response(added)

    async def _gdap(self, request: web.Request) -> web.Response:
        relationship_id = request.match_info["id"]
        if relationship_id not in self._microsoft.relationships.by_id:
            raise web.HTTPNotFound
        match request.match_info["action"]:
            case "accept":
                self._microsoft.accept(relationship_id)
            case "terminate":
                self._microsoft.relationships.end(relationship_id, "terminated")
            case _:
                self._microsoft.relationships.end(relationship_id, "expired")
        return web.Response(status=204)

    async def _make_gdap(self, request: web.Request) -> web.Response:
        """Create a relationship that waits for approval, as in Partner Center."""
        body = await request.json()
        home = body.pop("home")
        made = self._microsoft.relationships.add(home, body)
        self._microsoft.relationships.set_status(made["id"], "approvalPending")
        return web.json_response(made)

    def _find(self, request: web.Request) -> Tenant:
        tenant = self._microsoft.tenants.get(request.match_info["tid"].lower())
        if tenant is None:
            raise web.HTTPNotFound
        return tenant

    async def _rotate(self, _request: web.Request) -> web.Response:
        return web.json_response({"kid": self._keys.rotate()})

    async def _token(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        tid, oid = body["tid"], body["oid"]
        claims = {
            "aud": body.get("audience", sample_data.API_AUDIENCE),
            "iss": f"{self._microsoft.origin}/{tid}/v2.0",
            "tid": tid,
            "oid": oid,
            "sub": oid,
            "name": body.get("name", "Somebody"),
            "azp": sample_data.fixed_id("app/portal"),
            "scp": "access_as_user",
            "ver": "2.0",
            "uti": uuid4().hex,
            **lifetime(body.get("expiresInSeconds", 3599)),
        }
        if "notBeforeInSeconds" in body:
            claims["nbf"] = claims["iat"] + body["notBeforeInSeconds"]
        claims |= body.get("claims", {})
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self._keys.sign(claims, body.get("alg", "RS256"), body.get("kid"))
        return web.json_response({"accessToken": token})
