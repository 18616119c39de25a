"""What `PUT /_control/tenants/{tid}` sets of a tenant's content, and objects that tests set."""

from typing import Any

from aiohttp import web

from local.microsoft.resources import BETA, V1, find
from local.microsoft.state import Microsoft
from local.microsoft.tenant import PROFILES, Tenant
from local.microsoft.topics.all import RESOURCES


def set_content(tenant: Tenant, body: dict[str, Any]) -> None:
    """Set the profile, licences, service plans, limits, delays, and roles of apps.

    Raises:
        web.HTTPBadRequest: There is no such profile.
    """
    if body.get("profile", tenant.profile) not in PROFILES:
        raise web.HTTPBadRequest(text=f"profile is one of {', '.join(PROFILES)}")
    tenant.profile = body.get("profile", tenant.profile)
    tenant.licences |= body.get("license", {})
    tenant.paces = body.get("pacing", tenant.paces)
    tenant.unlicensed_is_empty = body.get("unlicensedIsEmpty", tenant.unlicensed_is_empty)
    if "servicePlans" in body:
        names = body["servicePlans"]
        tenant.service_plans = None if names is None else frozenset(names)
    if "writeLagSeconds" in body:
        tenant.directory.lag_seconds = tenant.objects.lag_seconds = body["writeLagSeconds"]
    for client_id, names in body.get("appRoles", {}).items():
        tenant.app_roles[client_id] = set(names)


class ObjectRoutes:
    """The control routes that set any object, or give back the generated one."""

    def __init__(self, microsoft: Microsoft) -> None:
        self._microsoft = microsoft

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        path = "/_control/tenants/{tid}/objects/{path:.+}"
        app.router.add_put(path, self._put)
        app.router.add_delete(path, self._drop)
        app.router.add_post("/_control/tenants/{tid}/ad-sync", self._sync_accounts)

    async def _put(self, request: web.Request) -> web.Response:
        tenant, path, body = self._tenant(request), _path(request), await request.json()
        match path.split("/"):
            case ["users"]:
                tenant.directory.put_all(body)
            case ["users", key]:
                tenant.directory.put(key, body)
            case _:
                if isinstance(body, list) != _is_list(path):
                    text = "a list takes an array, anything else an object"
                    raise web.HTTPBadRequest(text=text)
                tenant.objects.put(path, body, at_once=True)
        return web.Response(status=204)

    async def _drop(self, request: web.Request) -> web.Response:
        tenant, path = self._tenant(request), _path(request)
        match path.split("/"):
            case ["users"]:
                tenant.directory.restore_all()
            case ["users", key]:
                tenant.directory.restore(key)
            case _:
                tenant.objects.drop(path, is_list=_is_list(path))
        return web.Response(status=204)

    async def _sync_accounts(self, request: web.Request) -> web.Response:
        """Play the synchronization from Active Directory: it knows nothing of what Graph set."""
        self._tenant(request).directory.restore_synced()
        return web.Response(status=204)

    def _tenant(self, request: web.Request) -> Tenant:
        tenant = self._microsoft.tenants.get(request.match_info["tid"].lower())
        if tenant is None:
            raise web.HTTPNotFound
        return tenant


def _path(request: web.Request) -> str:
    return request.match_info["path"].strip("/")


def _is_list(path: str) -> bool:
    """Return whether a path names a list, rather than an object or an item.

    Raises:
        web.HTTPNotFound: No request would read it.
    """
    version = BETA if path.startswith("beta/") else V1
    name = path.removeprefix("beta/")
    found = find(RESOURCES, version, name) or find(RESOURCES, BETA, name)
    if found is None:
        raise web.HTTPNotFound(text=f"no resource has the path {path}")
    return found.resource.is_list and found.item is None
