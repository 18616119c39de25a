"""A browser that accepts only what /openapi.json declares."""

import re
from typing import Any, override
from urllib.parse import parse_qsl, urlsplit

from local.browser import Browser, Reply
from local.sample_data import SeedStaff

_HEADERS = {"if-match", "idempotency-key"}


class DeclaredBrowser(Browser):
    """Fails the test if a route returns an undeclared status or accepts an undeclared parameter."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._operations: list[tuple[str, re.Pattern[str], dict[str, Any]]] = []

    @override
    async def call(
        self,
        staff: SeedStaff | None,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        reply = await super().call(staff, method, path, body, headers)
        operation = await self._declared(method, urlsplit(path).path)
        if operation is not None:
            assert str(reply.status) in operation["responses"], (method, path, reply.status)
            if reply.status < 300:
                self._check_parameters(operation, path, headers or {})
        return reply

    def _check_parameters(
        self, operation: dict[str, Any], path: str, headers: dict[str, str]
    ) -> None:
        declared = {(p["in"], p["name"].lower()) for p in operation["parameters"]}
        sent = {("query", name.lower()) for name, _value in parse_qsl(urlsplit(path).query)}
        sent |= {("header", name.lower()) for name in headers if name.lower() in _HEADERS}
        assert sent <= declared, (operation["operationId"], sent - declared)

    async def _declared(self, method: str, path: str) -> dict[str, Any] | None:
        if not self._operations:
            document = (await super().call(None, "GET", "/openapi.json")).body
            for template, methods in document["paths"].items():
                pattern = re.compile(re.sub(r"{\w+}", "[^/]+", template), re.IGNORECASE)
                self._operations += [(verb.upper(), pattern, o) for verb, o in methods.items()]
        for verb, pattern, operation in self._operations:
            if verb == method and pattern.fullmatch(path):
                return operation
        return None
