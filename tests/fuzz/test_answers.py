"""Every odd value in every field of Entra's and Graph's responses, except a tenant's data."""

import copy
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, override

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import AioHttpTransport
from azure.keyvault.secrets.aio import SecretClient

from adapters.entra_keys import EntraKeys
from adapters.entra_refusals import DelegatedAccessRefused
from adapters.graph.client import GraphClient
from adapters.graph.gdap import GraphGdap
from adapters.graph.identity import GraphIdentity
from adapters.graph.reader import GraphReaders
from adapters.graph.relationships import read_relationships
from adapters.identity import TokenSource
from adapters.secrets import KeyVaultSecrets
from core.known_data_sets import DATA_SETS
from domain.errors import DomainError, GdapRefused, MicrosoftUnavailable
from domain.gdap import ROLES
from domain.msp import SecurityGroup
from domain.ports.graph_reader import PositionLost, Unreadable, Wanted
from domain.sync_state import FIRST_SYNC
from local.microsoft.tokens import SigningKeys
from local.sample_data import STRANGER
from tests.fakes.outside import FixedClock
from tests.fuzz.mutations import Mutation, mutations, some_of
from tests.samples import tenant
from tests.simulation import CUSTOMER, MSP, OWN, Simulation

_VAULT = "https://contoso.vault.azure.net"
_CASES = 40  # per response, unless FUZZ=all
_RELATIONSHIPS = "/tenantRelationships/delegatedAdminRelationships"
_RELATIONSHIP = {
    "id": "r-1",
    "displayName": "Contoso northwind",
    "status": "active",
    "duration": "P730D",
    "createdDateTime": "2026-01-01T00:00:00Z",
    "activatedDateTime": "2026-01-02T00:00:00Z",
    "endDateTime": "2028-01-02T00:00:00Z",
    "customer": {"tenantId": CUSTOMER, "displayName": "Northwind"},
    "accessDetails": {"unifiedRoles": [{"roleDefinitionId": STRANGER.tenant_id}]},
}
# Copied, so that a mutation of one does not change the other.
_OTHER = {
    **copy.deepcopy(_RELATIONSHIP),
    "id": "r-2",
    "customer": {"tenantId": STRANGER.tenant_id},
}
_ORGANIZATION = {
    "id": OWN,
    "displayName": "Contoso MSP",
    "verifiedDomains": [{"name": "contoso.com", "isDefault": True, "isInitial": False}],
}
_USER = {"id": STRANGER.tenant_id, "displayName": "Adele", "assignedLicenses": [{"skuId": OWN}]}
_TOLD = (DomainError, DelegatedAccessRefused, Unreadable, PositionLost)

type Ask = Callable[[], Awaitable[str | None]]


async def _wrong(
    cases: list[Mutation], put: Callable[[Any], Awaitable[None]], ask: Ask
) -> list[str]:
    """Return the results of the cases that were neither reported as a known error nor harmless.

    Args:
        put: Sets the response.
        ask: Returns what is wrong with the result.
    """
    broken = []
    for mutation in cases:
        await put(mutation.answer)
        try:
            wrong = await ask()
        except _TOLD as told:
            wrong = "a long story" if len(str(told)) > 400 else None
        except Exception as error:  # noqa: BLE001  any other error is a finding
            wrong = f"{type(error).__name__}: {error}"[:200]
        if wrong:
            broken.append(f"{mutation}: {wrong}")
    return broken


@pytest.fixture
async def consented(simulation: Simulation) -> Simulation:
    await simulation.tenant(consented=True)
    return simulation


def _fault(simulation: Simulation, **fault: Any) -> Callable[[Any], Awaitable[None]]:
    async def put(answer: Any) -> None:
        await simulation.faults({"status": 200, **fault, "body": answer})

    return put


async def test_tokens(consented: Simulation, tokens: TokenSource) -> None:
    sample = {
        "token_type": "Bearer",
        "expires_in": 3599,
        "ext_expires_in": 3599,
        "access_token": "a.b.c",
        "refresh_token": "a refresh token",
        "scope": "https://graph.microsoft.com/.default",
    }
    refusal = {
        "error": "invalid_grant",
        "error_description": "AADSTS50034: a secret",
        "error_codes": [50034],
        "suberror": "consent_required",
        "claims": "{}",
    }

    async def ask() -> str | None:
        told = []
        for get, tid in ((tokens.app_token, OWN), (tokens.delegated_token, CUSTOMER)):
            try:
                token = await get(MSP, tid, fresh=True)
                told.append("" if token == "a.b.c" else f"a token {token[:20]!r}")
            except (DomainError, DelegatedAccessRefused) as refused:
                told.append("the secret is told" if "a secret" in str(refused) else "")
        return " ".join(filter(None, told)) or None

    path = "/oauth2/v2.0/token"
    for answer, status in ((sample, 200), (refusal, 400)):
        cases = [case for case in mutations(answer) if case.place != ("access_token",)]
        put = _fault(consented, path=path, status=status)
        assert await _wrong(some_of(cases, _CASES), put, ask) == []


async def test_the_organisation(
    consented: Simulation, tokens: TokenSource, graph: GraphClient
) -> None:
    identity = GraphIdentity(tokens, graph)

    async def ask() -> str | None:
        found = await identity.prove_consent(MSP, OWN)
        if found.tenant_id != OWN:
            return f"another tenant: {found.tenant_id}"
        names = [found.display_name, found.primary_domain or ""]
        return "an unbounded name" if max(map(len, names)) > 256 else None

    put = _fault(consented, path="/organization$")
    cases = list(mutations({"value": [_ORGANIZATION]}))
    assert await _wrong(some_of(cases, _CASES), put, ask) == []


async def test_relationships(
    consented: Simulation, tokens: TokenSource, graph: GraphClient
) -> None:
    gdap, inside = GraphGdap(tokens, graph), False

    async def ask() -> str | None:
        read = await gdap.relationships(MSP)
        if inside and "r-2" not in {one.relationship_id for one in read.found}:
            return "another relationship is lost"
        if not all(one.tenant_id in (CUSTOMER, STRANGER.tenant_id) for one in read.found):
            return "a tenant that nobody named"
        return None

    put = _fault(consented, method="GET", path=f"{_RELATIONSHIPS}$")
    broken = []
    for case in some_of(list(mutations({"value": [_RELATIONSHIP, _OTHER]})), _CASES):
        inside = case.place[:2] == ("value", 0)
        broken += await _wrong([case], put, ask)
    assert broken == []


async def test_an_invite(consented: Simulation, tokens: TokenSource, graph: GraphClient) -> None:
    gdap = GraphGdap(tokens, graph)

    async def ask() -> str | None:
        made = await gdap.invite(MSP, CUSTOMER, "A customer", 30)
        return (
            None if made.relationship_id.isascii() and len(made.relationship_id) < 300 else "an ID"
        )

    put = _fault(consented, method="POST", path=_RELATIONSHIPS, status=201)
    cases = list(mutations({**_RELATIONSHIP, "status": "created"}))
    assert await _wrong(some_of(cases, _CASES), put, ask) == []


async def test_access_assignments(
    consented: Simulation, tokens: TokenSource, graph: GraphClient
) -> None:
    gdap = GraphGdap(tokens, graph)
    groups = tuple(SecurityGroup(tid, ("Global Reader",)) for tid in (OWN, CUSTOMER))
    msp = replace(MSP, app=replace(MSP.app, security_groups=groups))
    role = ROLES["Global Reader"]
    (relationship,) = read_relationships([_RELATIONSHIP]).found
    relationship = replace(relationship, roles=frozenset({role}))
    path = f"{_RELATIONSHIPS}/r-1/accessAssignments"
    assignments = [
        {
            "@odata.etag": "W/1",
            "id": f"a-{group.group_id}",
            "status": "active",
            "accessContainer": {
                "accessContainerId": group.group_id,
                "accessContainerType": "securityGroup",
            },
            "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role}]},
        }
        for group in groups
    ]
    inside, written = False, 0

    async def put(answer: Any) -> None:
        await consented.faults(
            {"method": "GET", "path": path, "status": 200, "body": answer},
            {"method": "POST", "path": f"{path}$", "status": 201, "body": answer},
            {"method": "PATCH", "path": f"{path}/a-{OWN}$", "status": 204},
            {"path": path, "status": 418},  # a write that nothing requires
        )

    async def ask() -> str | None:
        nonlocal written
        try:
            await gdap.assign(msp, relationship)
        except GdapRefused as refused:
            return f"a write that nothing asks for: {refused}"
        except MicrosoftUnavailable:
            return "the other assignment is not looked after" if inside else None
        before = written
        written = sum(asked["method"] != "GET" for asked in await consented.asked(path))
        return "the other assignment is written" if inside and written > before + 1 else None

    broken = []
    for case in some_of(list(mutations({"value": assignments})), _CASES):
        inside = case.place[:2] == ("value", 0)
        broken += await _wrong([case], put, ask)
    assert broken == []


async def test_changes_of_users(
    consented: Simulation, tokens: TokenSource, graph: GraphClient
) -> None:
    await consented.faults()
    reader = GraphReaders(tokens, graph, patience_seconds=4).of(
        MSP, tenant(OWN, is_own_msp_tenant=True)
    )
    link = await reader.delta_link()
    removed = {"id": CUSTOMER, "@removed": {"reason": "deleted"}}
    other = {**copy.deepcopy(_USER), "id": OWN}
    sample = {"value": [_USER, other, removed], "@odata.deltaLink": link}
    inside = False

    async def ask() -> str | None:
        pages = [page async for page in reader.changes(link)]
        keys = {record.key for page in pages for record in page.records}
        gone = {key for page in pages for key in page.removed}
        if inside and (OWN not in keys or CUSTOMER not in gone):
            return "another change is lost"
        return "a user that nobody removed is gone" if gone - {CUSTOMER} else None

    put = _fault(consented, path="/users/delta$")
    broken = []
    for case in some_of(list(mutations(sample)), _CASES):
        inside = case.place[:2] == ("value", 0)
        wrong = await _wrong([case], put, ask)
        is_removal = case.place == ("value", 0, "@removed")
        broken += [] if is_removal else wrong
    assert broken == []


async def test_a_batch(consented: Simulation, tokens: TokenSource, graph: GraphClient) -> None:
    reader = GraphReaders(tokens, graph, patience_seconds=4).of(
        MSP, tenant(OWN, is_own_msp_tenant=True)
    )
    parts = [
        {"id": str(n), "status": 200, "headers": {"x": "y"}, "body": {"value": []}}
        for n in range(3)
    ]

    direct = [DATA_SETS[name] for name in FIRST_SYNC if name != "users"]

    async def ask() -> str | None:
        read = [one async for one, _ in reader.read([Wanted(one) for one in direct])]
        return None if sorted(read, key=direct.index) == direct else "a data set is missing"

    put = _fault(consented, method="POST", path="batch$")
    cases = list(mutations({"responses": parts}, first_of=2))
    assert await _wrong(some_of(cases, _CASES), put, ask) == []


async def test_signing_keys() -> None:
    known, answers = SigningKeys(), [b""]

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=answers[0], content_type="application/json")

    async def put(answer: Any) -> None:
        answers[0] = json.dumps(answer).encode()

    app = web.Application()
    app.router.add_get("/common/discovery/v2.0/keys", serve)
    document = known.document()
    first = document["keys"][0]
    other = {**first, "kid": "another"}
    async with TestServer(app) as running:
        address = str(running.make_url("")).rstrip("/")

        async def ask() -> str | None:
            keys = EntraKeys(address, FixedClock())
            found = await keys.key("another")
            return None if found or not inside else "another key is lost"

        broken = []
        for case in some_of(list(mutations({"keys": [first, other]})), _CASES):
            inside = case.place[:2] == ("keys", 0)
            broken += await _wrong([case], put, ask)
    assert broken == []


class _ToLocal(AioHttpTransport):  # type: ignore[misc]  # untyped
    """Sends Key Vault's requests to a local server."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    @override
    async def send(self, request: Any, **options: Any) -> Any:
        asked = request.url
        request.url = asked.replace(_VAULT, self._address)
        try:
            return await super().send(request, **options)
        finally:
            request.url = asked


class _Token:
    """The app's identity for Key Vault."""

    async def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken("token", 2**40)


async def test_secrets() -> None:
    sample = {
        "value": "a secret",
        "id": f"{_VAULT}/secrets/name/1",
        "contentType": "text/plain",
        "attributes": {"enabled": True, "created": 1764028800, "exp": 1795564800},
    }
    answers = [b""]

    async def serve(request: web.Request) -> web.Response:
        if "Authorization" in request.headers:
            return web.Response(body=answers[0], content_type="application/json")
        challenge = f'Bearer authorization="https://login.example/{OWN}", resource="{_VAULT}"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    async def put(answer: Any) -> None:
        answers[0] = json.dumps(answer).encode()

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    async with TestServer(app) as running:
        transport = _ToLocal(str(running.make_url("")).rstrip("/"))
        client = SecretClient(
            _VAULT,
            _Token(),  # type: ignore[arg-type]  # only the used parts
            transport=transport,
            retry_total=0,
            verify_challenge_resource=False,
        )
        secrets = KeyVaultSecrets(_VAULT, _Token())  # type: ignore[arg-type]  # not called
        secrets.__dict__["_client"] = client

        async def ask() -> str | None:
            try:
                read = await secrets.read("name")
            except LookupError:
                return None
            moments = [read.stored_at, read.expires_at]
            typed = all(moment is None or isinstance(moment, datetime) for moment in moments)
            return None if typed and isinstance(read.value, str) else "an odd secret"

        async with client:
            broken = await _wrong(some_of(list(mutations(sample)), _CASES), put, ask)
    assert broken == []
