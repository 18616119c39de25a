import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, override

import pytest
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

from adapters.graph.answers import GraphError
from adapters.graph.client import GraphClient
from adapters.graph.registrations import Registrations
from adapters.identity import TokenSource
from adapters.secrets import FileSecrets
from domain.errors import MicrosoftRefused
from domain.gdap import ROLES
from domain.msp import Msp
from local.microsoft.certificates import key_and_certificate
from local.microsoft.device_codes import GRAPH_COMMAND_LINE
from local.sample_data import (
    CONTOSO,
    FABRIKAM,
    IDENTITY_CLIENT_ID,
    IDENTITY_OBJECT_ID,
    fixed_id,
)
from ops.app_manifest import app_manifest, chosen_capabilities
from ops.partner_app import Identity, Registered, register
from ops.registration import Wanted, key_credential
from tests.samples import CUSTOMER as NOBODYS
from tests.simulation import MSP, OWN, Simulation

URI = "http://127.0.0.1:7071/consent/callback"
NEW = replace(MSP, app=replace(MSP.app, client_id=None, credential="new-certificate"))
CERTIFICATE = key_and_certificate("Contoso MSP partner app")
KEY = key_credential(CERTIFICATE)
WANTED = Wanted(URI, app_manifest([])["requiredResourceAccess"], KEY)
ROLE = "User Administrator"


class Crash(Exception):
    """The process ends here."""


class CrashingGraph(GraphClient):
    """Ends at a request: before it is sent, or after it took effect and before its answer."""

    def __init__(self, endpoint: str, transport: Any) -> None:
        super().__init__(endpoint, transport)
        self.requests, self.ends_at, self.is_sent = 0, 0, False

    @override
    async def _send(self, request: HttpRequest, timeouts: dict[str, Any]) -> AsyncHttpResponse:
        self.requests += 1
        if self.requests != self.ends_at:
            return await super()._send(request, timeouts)
        if self.is_sent:
            await super()._send(request, timeouts)
        raise Crash


@pytest.fixture
async def graph(simulation: Simulation) -> AsyncIterator[CrashingGraph]:
    trusting = AioHttpTransport(connection_verify=str(simulation.run_dir / "ca.pem"))
    client = CrashingGraph(simulation.origin, trusting)
    yield client
    await client.close()
    await simulation.browser.control("PUT", "/registrations", {"reset": True})


async def token(simulation: Simulation, user: str = "admin", **claims: Any) -> str:
    """Return an administrator's token for Graph, as the device code flow gives it."""
    scopes = "Application.ReadWrite.All RoleManagement.ReadWrite.Directory"
    claims = {"appid": GRAPH_COMMAND_LINE, "scp": scopes, **claims}
    body = {"tid": OWN, "oid": fixed_id(f"{user}/contoso.com"), "audience": simulation.origin}
    answer = await simulation.browser.control("POST", "/tokens", {**body, "claims": claims})
    return str(answer["accessToken"])


@pytest.fixture
async def registrations(simulation: Simulation, graph: CrashingGraph) -> Registrations:
    return Registrations(graph, await token(simulation), settle_seconds=20)


async def known(simulation: Simulation) -> Any:
    return await simulation.browser.control("GET", "/registrations")


async def application(simulation: Simulation, client_id: str) -> dict[str, Any]:
    """Return a registration, which must be the only one with its client ID."""
    applications = (await known(simulation))["applications"]
    (found,) = [one for one in applications if one["appId"] == client_id]
    return dict(found)


async def writes(simulation: Simulation) -> list[str]:
    asked = await simulation.asked("/v1.0/")
    return [f"{one['method']} {one['path']}" for one in asked if one["method"] != "GET"]


def recorded(done: Registered, msp: Msp = NEW) -> Msp:
    return replace(msp, app=replace(msp.app, client_id=done.client_id))


async def test_a_new_registration_has_everything_and_repeating_it_writes_nothing(
    simulation: Simulation, registrations: Registrations
) -> None:
    done = await register(registrations, NEW, WANTED, None, {ROLE})
    assert (done.created, done.roles) == (True, [ROLE])
    made = await application(simulation, done.client_id)
    assert made["displayName"] == "Contoso MSP partner app"
    assert made["signInAudience"] == "AzureADMultipleOrgs"
    assert made["web"] == {"redirectUris": [URI]}
    assert made["requiredResourceAccess"] == WANTED.access
    assert [one["keyId"] for one in made["keyCredentials"]] == [KEY["keyId"]]
    everything = await known(simulation)
    (principal,) = [p for p in everything["servicePrincipals"] if p["appId"] == done.client_id]
    (assignment,) = everything["roleAssignments"]
    assert (assignment["principalId"], assignment["roleDefinitionId"]) == (
        principal["id"],
        ROLES[ROLE],
    )
    before = await writes(simulation)
    for msp in (NEW, recorded(done)):
        again = await register(registrations, msp, WANTED, None, {ROLE})
        assert (again.client_id, again.is_unchanged) == (done.client_id, True)
    assert await writes(simulation) == before


async def test_the_registered_app_authenticates_after_consent(
    simulation: Simulation, registrations: Registrations, tokens: TokenSource, secrets: FileSecrets
) -> None:
    await secrets.set("new-certificate", CERTIFICATE)
    done = await register(registrations, NEW, WANTED, None)
    await simulation.tenant(consented=True)
    assert await tokens.app_token(recorded(done), OWN)


async def test_an_existing_registration_is_changed_and_keeps_what_others_added(
    simulation: Simulation, registrations: Registrations, tokens: TokenSource
) -> None:
    other = {"resourceAppId": NOBODYS, "resourceAccess": [{"id": NOBODYS, "type": "Scope"}]}
    changes = {"requiredResourceAccess": [other], "web": {"redirectUris": ["https://x.example"]}}
    body = {"changes": {CONTOSO.client_id: changes}}
    await simulation.browser.control("PUT", "/registrations", body)
    done = await register(registrations, MSP, WANTED, None)
    assert (done.client_id, done.created) == (CONTOSO.client_id, False)
    changed = await application(simulation, CONTOSO.client_id)
    assert changed["requiredResourceAccess"] == [other, *WANTED.access]
    assert changed["web"] == {"redirectUris": ["https://x.example", URI]}
    assert len(changed["keyCredentials"]) == 2
    await simulation.tenant(consented=True)
    assert await tokens.app_token(MSP, OWN), "the earlier certificate is valid"


async def test_another_choice_of_capabilities_changes_the_permissions_alone(
    simulation: Simulation, registrations: Registrations
) -> None:
    done = await register(registrations, NEW, WANTED, None)
    chosen = chosen_capabilities(["users"])
    more = replace(WANTED, access=app_manifest(chosen)["requiredResourceAccess"])
    again = await register(registrations, NEW, more, None)
    assert again.changed == ["requiredResourceAccess"]
    made = await application(simulation, done.client_id)
    assert made["requiredResourceAccess"] == more.access


@pytest.mark.parametrize("is_sent", [False, True])
async def test_after_a_crash_at_any_request_the_next_run_completes_the_same_registration(
    simulation: Simulation, graph: CrashingGraph, is_sent: bool
) -> None:
    registrations = Registrations(graph, await token(simulation), settle_seconds=20)
    identity = Identity(IDENTITY_CLIENT_ID, simulation.origin)
    graph.is_sent = is_sent
    for ends_at in range(1, 100):
        await simulation.browser.control("PUT", "/registrations", {"reset": True})
        graph.requests, graph.ends_at = 0, ends_at
        try:
            done = await register(registrations, NEW, WANTED, identity, {ROLE})
        except Crash:
            done = await register(registrations, NEW, WANTED, identity, {ROLE})
        everything = await known(simulation)
        named = [a for a in everything["applications"] if (a["uniqueName"] or "").startswith("m")]
        assert [one["appId"] for one in named] == [done.client_id]
        assert named[0]["requiredResourceAccess"] == WANTED.access
        assert len(named[0]["keyCredentials"]) == len(named[0]["trusts"]) == 1
        principals = [p for p in everything["servicePrincipals"] if p["appId"] == done.client_id]
        assert len(principals) == len(everything["roleAssignments"]) == 1
        if graph.requests < ends_at:
            break
    assert ends_at > 9


async def test_two_at_once_make_one_registration(
    simulation: Simulation, registrations: Registrations
) -> None:
    identity = Identity(IDENTITY_CLIENT_ID, simulation.origin)
    both = await asyncio.gather(
        *(register(registrations, NEW, WANTED, identity, {ROLE}) for _ in range(2))
    )
    assert both[0].client_id == both[1].client_id
    made = await application(simulation, both[0].client_id)
    assert len(made["keyCredentials"]) == len(made["trusts"]) == 1
    assert len((await known(simulation))["roleAssignments"]) == 1


async def test_a_new_registration_that_entra_does_not_see_everywhere_yet_is_waited_for(
    simulation: Simulation, registrations: Registrations
) -> None:
    await simulation.browser.control("PUT", "/registrations", {"unsettled": 2})
    done = await register(registrations, NEW, WANTED, None)
    assert (await application(simulation, done.client_id))["signInAudience"]


async def test_busy_and_lost_answers_are_repeated(
    simulation: Simulation, registrations: Registrations
) -> None:
    await simulation.faults(
        {"path": "/applications", "method": "PATCH", "status": 429, "retryAfter": 0, "times": 1},
        {"path": "/servicePrincipals", "method": "POST", "status": 503, "times": 1},
    )
    assert (await register(registrations, NEW, WANTED, None)).created


async def test_a_managed_identity_is_trusted_in_its_own_tenant_only(
    simulation: Simulation, registrations: Registrations
) -> None:
    identity = Identity(IDENTITY_CLIENT_ID, simulation.origin)
    federated = replace(WANTED, certificate=None)
    done = await register(registrations, NEW, federated, identity)
    assert "federatedIdentityCredentials" in done.changed
    (trust,) = (await application(simulation, done.client_id))["trusts"]
    assert (trust["issuer"], trust["subject"], trust["audiences"]) == (
        f"{simulation.origin}/{OWN}/v2.0",
        IDENTITY_OBJECT_ID,
        ["api://AzureADTokenExchange"],
    )
    unknown = replace(identity, client_id=fixed_id("identity/another"))
    with pytest.raises(MicrosoftRefused, match="another tenant"):
        await register(registrations, NEW, federated, unknown)


async def test_a_recorded_registration_that_is_gone_is_not_replaced(
    simulation: Simulation, registrations: Registrations
) -> None:
    gone = replace(MSP, app=replace(MSP.app, client_id=FABRIKAM.client_id))
    with pytest.raises(MicrosoftRefused, match="restore"):
        await register(registrations, gone, WANTED, None)
    assert await writes(simulation) == []


@pytest.mark.parametrize(
    ("user", "claims", "roles"),
    [
        ("staff", {}, ()),  # no administrator
        ("admin", {"scp": "User.Read"}, ()),
        ("admin", {"scp": "Application.ReadWrite.All"}, (ROLE,)),
    ],
)
async def test_graph_refuses_an_account_without_the_right(
    simulation: Simulation,
    graph: CrashingGraph,
    user: str,
    claims: dict[str, Any],
    roles: tuple[str, ...],
) -> None:
    refused = Registrations(graph, await token(simulation, user, **claims), settle_seconds=0)
    with pytest.raises(GraphError) as raised:
        await register(refused, NEW, WANTED, None, roles)
    assert raised.value.is_denied
