"""The portal: the actions of its users, and waiting for their effects."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from local.browser import Browser, Reply
from local.sample_data import CONTOSO, FABRIKAM, MSPS, STRANGER, SeedMsp, SeedStaff

# Long enough for the first syncs of all sample tenants on a busy machine.
_PATIENCE_SECONDS = 150


class Portal:
    """The portal's HTTP calls, and the simulation's control routes."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.began = datetime.now(UTC)

    async def reset(self) -> None:
        """Return to the initial state: no partner tenant, no consent, no fault."""
        await self.browser.control("PUT", "/faults", [])
        for msp in MSPS:
            await self.tenant(msp, consented=False, propagationSeconds=0, revokedPermissions=[])
            await self.call(owner(msp), "POST", "/my-tenant/disable")
        await self.browser.control("PUT", f"/tenants/{STRANGER.tenant_id}", {"consented": False})
        await self.idle()
        self.began = datetime.now(UTC)

    async def call(
        self, staff: SeedStaff | None, method: str, path: str, body: Any = None, **headers: str
    ) -> Reply:
        """Call the API."""
        return await self.browser.call(staff, method, path, body, headers)

    async def tenant(self, msp: SeedMsp, **changes: Any) -> None:
        """Configure an MSP's own tenant in the simulated Microsoft."""
        await self.browser.control("PUT", f"/tenants/{msp.own.tenant_id}", changes)

    async def consented(self, msp: SeedMsp = CONTOSO) -> None:
        """Grant the consent of an MSP's own tenant."""
        await self.tenant(msp, consented=True)

    async def enabled(self, msp: SeedMsp = CONTOSO) -> dict[str, Any]:
        """Enable an MSP's partner tenant; return it once its first sync is complete."""
        await self.consented(msp)
        reply = await self.call(owner(msp), "POST", "/my-tenant/enable")
        assert reply.status in (200, 201), reply
        await self.idle()
        found = await self.call(owner(msp), "GET", "/my-tenant")
        tenant: dict[str, Any] = found.body["tenant"]
        return tenant

    async def state(self, msp: SeedMsp = CONTOSO, by: SeedStaff | None = None) -> str:
        """Start a consent session; return its state."""
        started = await self.call(by or owner(msp), "POST", "/consent/sessions")
        assert started.status == 201, started
        return str(started.body["consentUrl"]).rsplit("state=", 1)[1]

    async def callback(self, query: str) -> str:
        """Send a redirect to the callback; return the outcome in the redirect to the portal."""
        reply = await self.call(None, "GET", f"/consent/callback?{query}")
        assert reply.status == 302, reply
        return reply.location.rpartition("consent=")[2]

    async def fire(self, timer: str) -> None:
        """Fire a timer; wait for its end, and for the work that it queued."""
        path = f"/admin/functions/{timer}"
        reply = await self.call(None, "POST", path, {"input": ""}, Prefer="wait")
        assert reply.status == 200, reply
        await self.idle()

    async def idle(self) -> None:
        """Wait until the queues are empty and no invocation is running."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            reply = await self.call(None, "GET", "/admin/host/idle")
            if reply.body["idle"]:
                return
            await asyncio.sleep(0.03)
        raise AssertionError("the queues do not come to rest")

    async def until_partner_tenant(self, msp: SeedMsp = CONTOSO) -> dict[str, Any]:
        """Wait until the MSP has a partner tenant; return it."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if tenant := await self.partner_tenant(msp):
                return tenant
            await asyncio.sleep(0.1)
        raise AssertionError("there is no partner tenant")

    async def events(self, msp: SeedMsp = CONTOSO, action: str = "") -> list[dict[str, Any]]:
        """Return the audit events since the test began, newest first."""
        since = self.began.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        path = f"/audit-events?pageSize=500&from={since}"
        reply = await self.call(owner(msp), "GET", path)
        assert reply.status == 200, reply
        return [event for event in reply.body["items"] if event["action"].startswith(action)]

    async def partner_tenant(self, msp: SeedMsp = CONTOSO) -> dict[str, Any] | None:
        """Return the partner tenant as /my-tenant shows it."""
        reply = await self.call(owner(msp), "GET", "/my-tenant")
        assert reply.status == 200, reply
        tenant: dict[str, Any] | None = reply.body["tenant"]
        return tenant


def owner(msp: SeedMsp = CONTOSO) -> SeedStaff:
    """Return an MSP's owner."""
    return msp.staff[0]


def role(name: str) -> SeedStaff:
    """Return contoso's staff member of a role."""
    return next(member for member in CONTOSO.staff if member.role == name)


__all__ = ["CONTOSO", "FABRIKAM", "STRANGER", "Portal", "owner", "role"]
