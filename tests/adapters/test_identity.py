import time
from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from adapters.clock import SystemClock
from adapters.credentials import Credentials
from adapters.graph.client import GraphClient
from adapters.graph.identity import GraphIdentity
from adapters.identity import DelegatedAccessRefused, TokenSource, roles_of
from adapters.secrets import FileSecrets
from domain.errors import (
    ConsentRequired,
    MicrosoftRefused,
    MicrosoftUnavailable,
    OrganizationMismatch,
)
from domain.identifiers import TenantId
from local.seed import CONTOSO, STRANGER
from tests.simulation import CUSTOMER, MSP, OWN, Simulation

ENTRA = "/oauth2/v2.0/token"
STRANGERS = TenantId(STRANGER.tenant_id)


async def test_an_app_token_needs_consent_and_is_kept_until_it_is_wanted_fresh(
    simulation: Simulation, tokens: TokenSource
) -> None:
    with pytest.raises(ConsentRequired):
        await tokens.app_token(MSP, OWN)
    await simulation.tenant(consented=True)
    first = await tokens.app_token(MSP, OWN)
    claims = jwt.decode(first, options={"verify_signature": False})
    assert (claims["tid"], claims["appid"], claims["idtyp"]) == (OWN, CONTOSO.client_id, "app")
    assert "Organization.Read.All" in claims["roles"]
    asked = len(await simulation.asked(ENTRA))
    assert await tokens.app_token(MSP, OWN) == first
    assert len(await simulation.asked(ENTRA)) == asked
    await tokens.app_token(MSP, OWN, fresh=True)
    assert len(await simulation.asked(ENTRA)) == asked + 1


async def test_consent_is_proved_as_soon_as_entra_knows_of_it(
    simulation: Simulation, tokens: TokenSource, graph: GraphClient
) -> None:
    identity = GraphIdentity(tokens, graph)
    with pytest.raises(ConsentRequired):
        await identity.prove_consent(MSP, OWN)
    await simulation.tenant(propagationSeconds=3600, consented=True)
    with pytest.raises(ConsentRequired):
        await identity.prove_consent(MSP, OWN)
    await simulation.tenant(propagationSeconds=0, consented=True)
    organization = await identity.prove_consent(MSP, OWN)
    assert (organization.tenant_id, organization.display_name) == (OWN, "Contoso MSP")
    assert organization.primary_domain == "contoso.com"


async def test_a_token_without_the_role_proves_nothing(
    simulation: Simulation, tokens: TokenSource, graph: GraphClient
) -> None:
    await simulation.tenant(consented=True, revokedPermissions=["Organization.Read.All"])
    with pytest.raises(ConsentRequired):
        await GraphIdentity(tokens, graph).prove_consent(MSP, OWN)
    assert await simulation.asked("/organization") == []
    assert roles_of("opaque") == frozenset()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 401}, ConsentRequired),
        ({"status": 403}, ConsentRequired),
        ({"status": 429, "retryAfter": 77}, MicrosoftUnavailable),
        ({"status": 503}, MicrosoftUnavailable),
        ({"status": 302, "body": {}}, MicrosoftUnavailable),
        ({"disconnect": True}, MicrosoftUnavailable),
        ({"truncate": True}, MicrosoftUnavailable),
        ({"status": 200, "body": {"value": []}}, OrganizationMismatch),
        ({"status": 200, "body": {"value": [{"id": STRANGERS}]}}, OrganizationMismatch),
        ({"status": 200, "body": {"value": ["nonsense"]}}, OrganizationMismatch),
    ],
)
async def test_graph_is_asked_once_for_the_organisation(
    simulation: Simulation,
    tokens: TokenSource,
    graph: GraphClient,
    fault: dict[str, object],
    error: type[Exception],
) -> None:
    await simulation.tenant(consented=True)
    await simulation.faults({"path": "/organization", **fault})
    with pytest.raises(error) as raised:
        await GraphIdentity(tokens, graph).prove_consent(MSP, OWN)
    # aiohttp itself repeats a GET whose kept connection was cut.
    assert len(await simulation.asked("/organization")) <= (2 if "disconnect" in fault else 1)
    if isinstance(raised.value, MicrosoftUnavailable) and "retryAfter" in fault:
        assert raised.value.retry_after == 77


async def test_a_graph_that_hangs_does_not_hold_up_the_callback(
    simulation: Simulation, tokens: TokenSource, graph: GraphClient
) -> None:
    await simulation.tenant(consented=True)
    await simulation.faults({"path": "/organization", "delaySeconds": 60})
    began = time.monotonic()
    with pytest.raises(MicrosoftUnavailable):
        await GraphIdentity(tokens, graph).prove_consent(MSP, OWN)
    assert time.monotonic() - began < 9


@pytest.mark.parametrize("where", [ENTRA, "openid-configuration"])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503},
        {"status": 500, "body": {}},
        {"disconnect": True},
        {"status": 200, "body": []},
        {"truncate": True},
    ],
)
async def test_an_entra_that_fails_is_unavailable_and_no_refusal(
    simulation: Simulation, tokens: TokenSource, where: str, fault: dict[str, object]
) -> None:
    await simulation.tenant(consented=True)
    await simulation.faults({"path": where, **fault})
    with pytest.raises(MicrosoftUnavailable):
        await tokens.app_token(MSP, OWN)


async def test_a_credential_that_was_replaced_is_read_anew(
    simulation: Simulation, tokens: TokenSource, secrets: FileSecrets
) -> None:
    await simulation.tenant(consented=True)
    right = (await secrets.read(CONTOSO.credential)).value
    wrong = (await secrets.read("partner-app-fabrikam")).value
    try:
        for unusable in (wrong, "-----BEGIN nonsense", "a client secret"):
            await secrets.set(CONTOSO.credential, unusable)
            with pytest.raises(MicrosoftRefused):
                await tokens.app_token(MSP, OWN, fresh=True)
    finally:
        await secrets.set(CONTOSO.credential, right)
    assert await tokens.app_token(MSP, OWN)


async def test_a_missing_credential_is_the_msps_to_put_right(
    simulation: Simulation, tmp_path: Path, tokens: TokenSource
) -> None:
    without = TokenSource.over(
        simulation.origin, simulation.origin, Credentials(FileSecrets(tmp_path), SystemClock())
    )
    with pytest.raises(MicrosoftRefused):
        await without.app_token(MSP, OWN)
    with pytest.raises(DelegatedAccessRefused):
        await without.delegated_token(MSP, CUSTOMER)


async def test_a_customers_token_is_delegated_kept_and_its_refresh_token_rotated(
    simulation: Simulation, tokens: TokenSource, secrets: FileSecrets
) -> None:
    before = await secrets.read(MSP.app.service_account)
    token = await tokens.delegated_token(MSP, CUSTOMER)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["tid"] == CUSTOMER
    assert "User.Read.All" in claims["scp"]
    assert await secrets.read(MSP.app.service_account) != before
    asked = len(await simulation.asked(ENTRA))
    assert await tokens.delegated_token(MSP, CUSTOMER) == token
    assert len(await simulation.asked(ENTRA)) == asked


async def test_a_tenant_without_a_relationship_gives_no_delegated_token(
    tokens: TokenSource,
) -> None:
    with pytest.raises(DelegatedAccessRefused, match="invite"):
        await tokens.delegated_token(MSP, STRANGERS)


async def test_a_client_secret_is_as_good_as_a_certificate_and_a_wrong_one_is_refused(
    simulation: Simulation, tokens: TokenSource, secrets: FileSecrets
) -> None:
    await simulation.tenant(consented=True)
    with_secret = replace(MSP, app=replace(MSP.app, credential=CONTOSO.client_secret))
    claims = jwt.decode(
        await tokens.app_token(with_secret, OWN), options={"verify_signature": False}
    )
    assert claims["appid"] == CONTOSO.client_id
    await secrets.set("wrong", "x" * 40)
    other = TokenSource.over(
        simulation.origin, simulation.origin, Credentials(secrets, SystemClock())
    )
    with pytest.raises(MicrosoftRefused):
        await other.app_token(replace(MSP, app=replace(MSP.app, credential="wrong")), OWN)


async def test_what_discovery_names_is_there(simulation: Simulation) -> None:
    session, base = simulation.browser.session, simulation.browser.microsoft
    async with session.get(f"{base}/{OWN}/v2.0/.well-known/openid-configuration") as response:
        found = await response.json()
    for name, method in (
        ("authorization_endpoint", "GET"),
        ("token_endpoint", "POST"),
        ("jwks_uri", "GET"),
    ):
        url = found[name].replace(simulation.origin, base)
        async with session.request(method, url) as response:
            assert response.status in (200, 400), name


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (50020, "security group"),
        (50074, "with MFA"),
        (53001, "Conditional Access blocks"),
        (50057, "enable it"),
        (70043, "sign it in again"),
        (65001, "consent to it"),
    ],
)
async def test_each_refusal_of_the_service_account_says_what_to_do(
    simulation: Simulation, tokens: TokenSource, code: int, advice: str
) -> None:
    body = {"error": "invalid_grant", "error_codes": [code], "error_description": f"AADSTS{code}"}
    await simulation.faults({"path": f"/{CUSTOMER}{ENTRA}", "status": 400, "body": body})
    with pytest.raises(DelegatedAccessRefused, match=advice):
        await tokens.delegated_token(MSP, CUSTOMER, fresh=True)
