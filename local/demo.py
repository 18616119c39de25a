"""The demo: the main job over HTTP on a fresh stack, each step with its real answer."""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from local.browser import Browser, Reply
from local.sample_data import CONTOSO, fixed_id
from local.stack import Stack

_OWNER = CONTOSO.staff[0]
_OWN = CONTOSO.own.tenant_id
_NEW = {"tenantId": fixed_id("tenant/relecloud.com"), "displayName": "Relecloud"}
_BOLD, _DIM, _END = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")
_PATIENCE_SECONDS = 60


class Unexpected(Exception):
    """A step did not answer as it should."""


class Demo:
    """The steps of the main job."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._step = 0

    async def run(self) -> None:
        """Go through all steps.

        Raises:
            Unexpected: A step did not answer as it should.
        """
        await self._consent()
        await self._first_sync()
        await self._in_the_list()
        await self._guards()
        await self._preview()
        await self._disable()
        await self._new_customer()

    def _title(self, text: str) -> None:
        self._step += 1
        print(f"\n{_BOLD}{self._step}. {text}{_END}")

    async def _call(
        self, expected: int, method: str, path: str, body: Any = None, *, show: str = ""
    ) -> Reply:
        reply = await self._browser.call(_OWNER, method, path, body)
        sent = f" {json.dumps(body)}" if body else ""
        print(f"   {method} {path}{_DIM}{sent}{_END}")
        print(f"   → {reply.status} {show or _short(reply.body)}")
        _expect(reply.status == expected, f"{method} {path} answered {reply.status}")
        return reply

    async def _consent(self) -> None:
        self._title("The owner starts a consent session")
        started = await self._browser.call(_OWNER, "POST", "/consent/sessions")
        _expect(started.status == 201, f"no session: {started.body}")
        url = started.body["consentUrl"]
        shown = _short({**started.body, "consentUrl": _cut(url)})
        print(f"   POST /consent/sessions\n   → 201 {shown}")
        self._title("The admin accepts on Microsoft's page, which redirects to the callback")
        callback = await self._browser.consent_callback(url)
        print(f"   GET {_cut(callback, 90)}")
        reply = await self._browser.follow(callback)
        print(f"   → {reply.status} {reply.location}")
        _expect(reply.location.endswith("consent=enabled"), "consent was not enabled")

    async def _first_sync(self) -> None:
        self._title("The first sync, with its progress")
        deadline, seen = time.monotonic() + _PATIENCE_SECONDS, ""
        while True:
            reply = await self._browser.call(_OWNER, "GET", "/my-tenant")
            sync = reply.body["tenant"]["sync"]
            seen = _progress(sync, seen)
            if sync["state"] not in ("pending", "running"):
                break
            _expect(time.monotonic() < deadline, "the first sync takes too long")
            await asyncio.sleep(0.03)
        _expect(sync["state"] == "succeeded", f"the sync ended as {sync['state']}")

    async def _new_customer(self) -> None:
        self._title("A new customer, from the invite to its first sync")
        invited = await self._call(201, "POST", "/gdap/invites", _NEW)
        await self._browser.control("POST", f"/gdap/{invited.body['relationshipId']}/accept", {})
        print(f"   {_DIM}The customer's admin accepts on Microsoft's page.{_END}")
        await self._poll_until_consented()
        path = f"/tenants/{_NEW['tenantId']}"
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            customer = (await self._browser.call(_OWNER, "GET", path)).body
            if customer["sync"]["state"] not in ("pending", "running"):
                break
            _expect(time.monotonic() < deadline, "the first sync takes too long")
            await asyncio.sleep(0.05)
        _expect(customer["sync"]["state"] == "succeeded", f"the sync ended as {customer['sync']}")
        _progress(customer["sync"], "")
        listed = await self._browser.call(_OWNER, "GET", "/tenants?scope=customers&pageSize=500")
        found = [item for item in listed.body["items"] if item["tenantId"] == _NEW["tenantId"]]
        keys = ("displayName", "primaryDomain", "connection", "connectionTrouble", "status")
        shown = [{key: item[key] for key in keys} for item in found]
        await self._call(200, "GET", "/tenants?scope=customers&pageSize=500", show=_short(shown))
        _expect(len(found) == 1, "the customer is not in the list")

    async def _poll_until_consented(self) -> None:
        """Let the GDAP poll run, as its timer does, until the consent is recorded."""
        deadline, path = time.monotonic() + _PATIENCE_SECONDS, _events_of(_NEW["tenantId"])
        while True:
            await self._browser.call(
                None,
                "POST",
                "/admin/functions/poll_gdap_relationships",
                {"input": ""},
                {"Prefer": "wait"},
            )
            events = (await self._browser.call(_OWNER, "GET", path)).body["items"]
            actions = [event["action"] for event in events]
            if "consent.completed" in actions:
                break
            _expect(time.monotonic() < deadline, "the consent takes too long")
            await asyncio.sleep(0.1)
        await self._call(200, "GET", path, show=", ".join(reversed(actions)))
        asked = await self._browser.control("GET", "/requests")
        for request in asked:
            if "/applicationconsents" in request["path"]:
                print(f"   {_DIM}Partner Center: {request['method']} {request['path']}{_END}")
                print(f"   → {request['status']}")

    async def _in_the_list(self) -> None:
        self._title("The partner tenant is in the list, with its badge")
        reply = await self._browser.call(_OWNER, "GET", "/tenants?scope=partner")
        item = reply.body["items"][0]
        shown = {key: item[key] for key in ("displayName", "primaryDomain", "badge", "connection")}
        await self._call(200, "GET", "/tenants?scope=partner", show=_short(shown))
        _expect(item["badge"] == "Partner tenant", "the badge is missing")

    async def _guards(self) -> None:
        self._title("A second partner tenant is refused")
        other = CONTOSO.customers[0].tenant_id
        path = f"/staff/{other}/{_OWNER.oid}"
        await self._call(201, "PUT", path, {"role": "msp_admin", "name": "Admin elsewhere"})
        await self._second(other)
        await self._call(204, "DELETE", path, show=" ")
        self._title("Hard delete is refused")
        await self._call(403, "DELETE", f"/tenants/{_OWN}")
        self._title("A GDAP invite to the own tenant is skipped")
        body = {"tenantId": _OWN, "displayName": "Contoso MSP"}
        skipped = await self._call(200, "POST", "/gdap/invites", body)
        _expect(skipped.body["status"] == "skipped", "the invite was not skipped")

    async def _second(self, other: str) -> None:
        """Try to enable a second partner tenant, as an admin who signs in from another tenant."""
        token = await self._browser.token(other, _OWNER.oid)
        headers = {"Authorization": f"Bearer {token}"}
        # The session's detected tenant comes first; a new session has detected none yet.
        await self._browser.call(_OWNER, "POST", "/consent/sessions")
        reply = await self._browser.call(None, "POST", "/my-tenant/enable", headers=headers)
        print(f"   POST /my-tenant/enable{_DIM} (signed in from another tenant){_END}")
        print(f"   → {reply.status} {_short(reply.body)}")
        _expect(reply.status == 409, f"a second partner tenant answered {reply.status}")

    async def _preview(self) -> None:
        self._title("The invoice preview: 19 tenants, not 20")
        reply = await self._browser.call(_OWNER, "GET", "/billing/preview")
        keys = ("month", "tier", "unitPrice", "billedTenants", "subtotal", "gst", "total")
        shown = {key: reply.body[key] for key in keys}
        await self._call(200, "GET", "/billing/preview", show=_short(shown))
        _expect(reply.body["billedTenants"] == 19, "the preview bills another number")

    async def _disable(self) -> None:
        self._title("Disable: nothing of it is left but audit")
        await self._call(200, "POST", "/my-tenant/disable")
        await self._call(404, "GET", f"/tenants/{_OWN}")
        deadline = time.monotonic() + _PATIENCE_SECONDS
        path = _events_of(_OWN)
        while True:
            events = (await self._browser.call(_OWNER, "GET", path)).body["items"]
            actions = [event["action"] for event in events]
            if "tenant.purged" in actions:
                break
            _expect(time.monotonic() < deadline, "the purge takes too long")
            await asyncio.sleep(0.05)
        deleted = next(e["before"] for e in events if e["action"] == "tenant.purged")
        await self._call(200, "GET", path, show=", ".join(reversed(actions)))
        print(f"   {_DIM}purged: {_short(deleted)}{_END}")


def _events_of(tenant_id: str) -> str:
    return f"/audit-events?tenantId={tenant_id}"


def _expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001  the condition itself
    if not holds:
        raise Unexpected(otherwise)


def _progress(sync: dict[str, Any], seen: str) -> str:
    """Print the progress if it has changed; return the current progress."""
    sets = [
        f"{d['name']} {d['count'] if d['count'] is not None else '…'}" for d in sync["dataSets"]
    ]
    now = f"{sync['state']}: {', '.join(sets)}"
    if now != seen:
        print(f"   {now}")
    return now


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:400]


def _cut(url: str, length: int = 110) -> str:
    return url if len(url) <= length else url[:length] + "…"


async def run_demo() -> int:
    """Run the demo on free ports with an empty store; return 0, or print the error and return 1."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="manage365-") as folder:
        async with Stack(Path(folder)) as stack:
            print(f"A fresh stack: {stack.api}, Microsoft at {stack.microsoft}")
            async with Browser(stack.api, stack.microsoft, stack.ca) as browser:
                try:
                    await Demo(browser).run()
                except Unexpected as error:
                    print(f"\nThe demo failed: {error}", file=sys.stderr)
                    return 1
    print(f"\n{_BOLD}Done{_END} in {time.monotonic() - began:.1f} s.")
    return 0
