"""A person at the portal: signs in, calls the API, and goes through Microsoft's consent page."""

import html
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from local.sample_data import SeedStaff


@dataclass(frozen=True, slots=True)
class Reply:
    """A response of the API."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        return self.headers.get("Location", "")


@dataclass(slots=True)
class Browser:
    """HTTP against a running stack.

    Args:
        api: Address of the API.
        microsoft: Address of the simulated Microsoft.
        ca: The CA certificate that signed the simulation's certificate.
    """

    api: str
    microsoft: str
    ca: Path
    _session: aiohttp.ClientSession | None = None
    _tokens: dict[str, str] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        """Open the connections."""
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=self.ca), limit=200)
        self._session = aiohttp.ClientSession(connector=connector)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session."""
        if self._session is None:
            raise RuntimeError("the browser is not open")
        return self._session

    async def token(self, tid: str, oid: str, **claims: Any) -> str:
        """Return an access token of a person, issued by the simulated Entra ID.

        Args:
            claims: Other parameters of `POST /_control/tokens`, in addition to the two IDs.
        """
        reply = await self.control("POST", "/tokens", {"tid": tid, "oid": oid, **claims})
        return str(reply["accessToken"])

    async def call(
        self,
        staff: SeedStaff | None,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Call the API as a staff member, or anonymously; redirects are not followed."""
        sent = dict(headers or {})
        if staff is not None:
            if staff.oid not in self._tokens:
                self._tokens[staff.oid] = await self.token(staff.tid, staff.oid, name=staff.name)
            sent["Authorization"] = f"Bearer {self._tokens[staff.oid]}"
        async with self.session.request(
            method, self.api + path, json=body, headers=sent, allow_redirects=False
        ) as response:
            return Reply(response.status, await _body(response), response.headers)

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """Use a control route of the simulated Microsoft."""
        url = f"{self.microsoft}/_control{path}"
        async with self.session.request(method, url, json=body) as response:
            response.raise_for_status()
            return await _body(response)

    async def consent_callback(self, consent_url: str, *, accept: bool = True) -> str:
        """Answer Microsoft's consent page; return the redirect's target, without following it."""
        url = self.microsoft + consent_url.removeprefix(_origin(consent_url))
        async with self.session.get(url) as response:
            page = await response.text()
        form = {
            html.unescape(name): html.unescape(value)
            for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page)
        }
        form["action"] = "accept" if accept else "decline"
        async with self.session.post(url, data=form, allow_redirects=False) as response:
            return response.headers["Location"]

    async def follow(self, location: str) -> Reply:
        """Follow Microsoft's redirect to our callback."""
        parts = urlsplit(location)
        return await self.call(None, "GET", f"{parts.path}?{parts.query}")

    async def consent(self, owner: SeedStaff, *, accept: bool = True) -> str:
        """Go through consent as an owner: session, page, callback; return the last Location.

        Raises:
            RuntimeError: No session could be started.
        """
        started = await self.call(owner, "POST", "/consent/sessions")
        if started.status != 201:
            raise RuntimeError(f"no consent session: {started.body}")
        location = await self.consent_callback(started.body["consentUrl"], accept=accept)
        return (await self.follow(location)).location


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _body(response: aiohttp.ClientResponse) -> Any:
    media = response.headers.get("Content-Type", "")
    if "json" in media:
        return await response.json(content_type=None)
    if media == "application/pdf":
        return await response.read()
    return await response.text()
