import asyncio
import os
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, override

import jwt
import pytest

from adapters.clock import SystemClock
from adapters.credentials import Credentials
from adapters.entra_refusals import DelegatedAccessRefused
from adapters.graph.client import GraphClient
from adapters.graph.identity import GraphIdentity
from adapters.graph.reader import GraphReaders
from adapters.identity import TokenSource, roles_of, scopes_of
from adapters.secrets import FileSecrets, Secret
from adapters.tenant_access import TokenTenantAccess
from core.data_sets.identity import LICENCES
from domain.errors import (
    ConsentRequired,
    MicrosoftRefused,
    MicrosoftUnavailable,
    OrganizationMismatch,
    StorageUnavailable,
    TenantNotManageable,
)
from domain.identifiers import TenantId
from domain.ports.graph_reader import Records, Wanted
from local.sample_data import CONTOSO, STRANGER
from tests.samples import FABRIKAM, tenant
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
    # aiohttp itself retries a GET if its kept-alive connection was closed.
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
    without = TokenSource(
        simulation.origin, simulation.origin, Credentials(FileSecrets(tmp_path), SystemClock())
    )
    with pytest.raises(MicrosoftRefused):
        await without.app_token(MSP, OWN)
    with pytest.raises(DelegatedAccessRefused):
        await without.delegated_token(MSP, CUSTOMER)


async def test_a_customers_token_is_delegated_and_kept(
    simulation: Simulation, tokens: TokenSource
) -> None:
    token = await tokens.delegated_token(MSP, CUSTOMER)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["tid"] == CUSTOMER
    assert "User.Read.All" in claims["scp"]
    asked = len(await simulation.asked(ENTRA))
    assert await tokens.delegated_token(MSP, CUSTOMER) == token
    assert len(await simulation.asked(ENTRA)) == asked
    await tokens.delegated_token(MSP, CUSTOMER, fresh=True)
    assert len(await simulation.asked(ENTRA)) == asked + 1


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
    other = TokenSource(simulation.origin, simulation.origin, Credentials(secrets, SystemClock()))
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
        (50034, "does not exist any more"),
        (50053, "locked"),
        (50055, "password has expired"),
        (50057, "enable it"),
        (50074, "with MFA"),
        (53001, "Conditional Access blocks"),
        (530036, "device code"),
        (65001, "consent to it"),
        (70000, "refresh token is not valid"),
        (70043, "sign it in again"),
        (90002, "no tenant of this ID"),
        (1234567, r"AADSTS1234567"),
        ("70043", "^Microsoft refuses the service account.$"),
    ],
)
async def test_each_refusal_of_the_service_account_says_what_to_do(
    simulation: Simulation, tokens: TokenSource, code: int | str, advice: str
) -> None:
    body = {"error": "invalid_grant", "error_codes": [code], "error_description": f"AADSTS{code}"}
    await simulation.faults({"path": f"/{CUSTOMER}{ENTRA}", "status": 400, "body": body})
    with pytest.raises(DelegatedAccessRefused, match=advice):
        await tokens.delegated_token(MSP, CUSTOMER, fresh=True)


@pytest.mark.parametrize(
    ("error", "codes", "refusal"),
    [
        ("invalid_client", [7000222], "credential .AADSTS7000222"),
        ("invalid_client", [1234567], "refuses the partner app .AADSTS1234567"),
        ("invalid_request", [90002], "no tenant of this ID"),
        ("access_denied", [50105], "refuses the partner app .AADSTS50105"),
        ("login_required", [50058], "refuses the partner app .AADSTS50058"),
        ("invalid_client", None, "^Microsoft Identity refuses the partner app.$"),
        ("invalid_client", ["7000222", [1], True, -1, 10**400], "refuses the partner app.$"),
    ],
)
async def test_a_refusal_of_the_partner_app_says_its_code(
    simulation: Simulation, tokens: TokenSource, error: str, codes: Any, refusal: str
) -> None:
    body = {"error": error, "error_codes": codes, "error_description": "secret"}
    await simulation.faults({"path": f"/{OWN}{ENTRA}", "status": 401, "body": body})
    with pytest.raises(MicrosoftRefused, match=refusal) as refused:
        await tokens.app_token(MSP, OWN, fresh=True)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("code", [50196, 90033, 90055])
async def test_an_entra_that_is_busy_refuses_nobody(
    simulation: Simulation, tokens: TokenSource, code: int
) -> None:
    body = {"error": "invalid_grant", "error_codes": [code]}
    await simulation.faults({"path": ENTRA, "status": 400, "body": body})
    for get, tid in ((tokens.app_token, OWN), (tokens.delegated_token, CUSTOMER)):
        with pytest.raises(MicrosoftUnavailable):
            await get(MSP, tid, fresh=True)


_GOOD = {"token_type": "Bearer", "expires_in": 3599, "access_token": "a.b.c"}


ODD: list[Any] = [5, None, [], {}, "", "a b", "x" * 100_000, "\ud800", 10**400, -5, True]


@pytest.mark.parametrize(
    "body",
    [
        *({**_GOOD, "access_token": odd} for odd in ODD),
        *({**_GOOD, "expires_in": odd} for odd in ODD),
        *({**_GOOD, "refresh_token": odd} for odd in ODD),
        *({**_GOOD, "id_token": odd, "client_info": odd} for odd in ODD),
        *([], "text", 5, None, {}, {"error": 5}, {"error": ["invalid_client"]}),
    ],
)
async def test_an_answer_of_entras_that_makes_no_sense_is_unavailable(
    simulation: Simulation, tokens: TokenSource, body: Any
) -> None:
    await simulation.faults({"path": ENTRA, "status": 200, "body": body})
    for get, tid in ((tokens.app_token, OWN), (tokens.delegated_token, CUSTOMER)):
        try:
            token = await get(MSP, tid, fresh=True)
        except (MicrosoftUnavailable, MicrosoftRefused, DelegatedAccessRefused) as refused:
            assert len(str(refused)) < 200  # noqa: PT017  MSAL accepts some of these
        else:
            assert token == "a.b.c"


async def test_a_mistake_of_ours_is_not_said_to_be_entras(
    tokens: TokenSource, simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await simulation.tenant(consented=True)

    monkeypatch.setattr("adapters.msal_clients.ClientCache.keep", lambda *_: None)
    with pytest.raises(AttributeError):
        await tokens.app_token(MSP, OWN)


@pytest.mark.parametrize("roles", ["text", 5, None, {"a": 1}, [["a"], 5]])
def test_odd_roles_of_a_token_are_none(roles: Any) -> None:
    assert roles_of(jwt.encode({"roles": roles}, "k" * 32, "HS256")) == frozenset()
    assert roles_of("nonsense") == roles_of("") == roles_of("a.b.c") == frozenset()


class Vault(FileSecrets):
    """A slow store that counts its calls."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reads = self.writes = 0
        self.is_away = False

    @override
    async def read(self, name: str) -> Secret:
        self.reads += 1
        await self._answer()
        return await super().read(name)

    @override
    async def set(self, name: str, value: str) -> None:
        self.writes += 1
        await self._answer()
        await super().set(name, value)

    async def _answer(self) -> None:
        await asyncio.sleep(0.03)
        if self.is_away:
            raise StorageUnavailable("Key Vault does not answer.")


@pytest.fixture
def vault(simulation: Simulation, tmp_path: Path) -> Vault:
    """A store with the simulation's secrets, and a service account's secret from two days ago."""
    shutil.copytree(simulation.run_dir / "secrets", tmp_path, dirs_exist_ok=True)
    age(tmp_path / MSP.app.service_account, timedelta(days=2))
    return Vault(tmp_path)


def age(path: Path, by: timedelta) -> None:
    stored_at = (datetime.now(UTC) - by).timestamp()
    os.utime(path, (stored_at, stored_at))


async def test_a_valid_token_needs_no_secret_and_no_vault(
    simulation: Simulation, vault: Vault, graph: GraphClient, tokens: TokenSource
) -> None:
    assert tokens  # MSAL trusts the simulation by this fixture
    source = TokenSource(simulation.origin, simulation.origin, Credentials(vault, SystemClock()))
    readers = GraphReaders(source, graph)

    async def read_all() -> None:
        reader = readers.of(MSP, tenant(CUSTOMER))
        async for _, reading in reader.read([Wanted(LICENCES)]):
            assert isinstance(reading, Records)
        assert [page async for page in reader.users()]
        assert [page async for page in reader.changes(await reader.delta_link())]

    await read_all()
    vault.reads = vault.writes = 0
    vault.is_away = True
    await read_all()
    assert (vault.reads, vault.writes) == (0, 0)


async def test_a_week_of_customers_stores_a_refresh_token_once_a_day(
    simulation: Simulation, vault: Vault, tokens: TokenSource
) -> None:
    assert tokens
    customers = [TenantId(customer.tenant_id) for customer in CONTOSO.customers]
    path = vault._folder / MSP.app.service_account
    for _ in range(7 * 4):
        credentials = Credentials(vault, SystemClock())
        source = TokenSource(simulation.origin, simulation.origin, credentials)
        await asyncio.gather(*(source.delegated_token(MSP, tid) for tid in customers))
        stored = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        age(path, datetime.now(UTC) - stored + timedelta(hours=6))
    assert 7 <= vault.writes <= 8


async def test_a_fresh_sign_in_of_an_operators_is_never_written_over(
    simulation: Simulation, vault: Vault, tokens: TokenSource
) -> None:
    assert tokens
    source = TokenSource(simulation.origin, simulation.origin, Credentials(vault, SystemClock()))
    redeem = source._ask

    async def meanwhile(*args: Any, **kwargs: Any) -> dict[str, Any]:
        result = await redeem(*args, **kwargs)
        await FileSecrets(vault._folder).set(MSP.app.service_account, "of the operator")
        return result

    source._ask = meanwhile  # type: ignore[method-assign]
    assert await source.delegated_token(MSP, CUSTOMER)
    assert (await vault.read(MSP.app.service_account)).value == "of the operator"
    assert vault.writes == 0


async def test_a_vault_that_takes_no_new_token_costs_no_sync(
    simulation: Simulation, vault: Vault, tokens: TokenSource
) -> None:
    assert tokens
    source = TokenSource(simulation.origin, simulation.origin, Credentials(vault, SystemClock()))

    async def full(name: str, value: str) -> None:
        raise StorageUnavailable("Key Vault does not answer.")

    vault.set = full  # type: ignore[method-assign]
    assert await source.delegated_token(MSP, CUSTOMER)


async def test_a_token_of_one_msp_or_service_account_serves_no_other(
    simulation: Simulation, tokens: TokenSource
) -> None:
    await tokens.delegated_token(MSP, CUSTOMER)
    others = (
        replace(MSP, app=replace(MSP.app, service_account="another")),
        replace(MSP, msp_id=FABRIKAM),
    )
    asked = len(await simulation.asked(ENTRA))
    with pytest.raises(DelegatedAccessRefused, match="not set up"):
        await tokens.delegated_token(others[0], CUSTOMER)
    await tokens.delegated_token(others[1], CUSTOMER)
    assert len(await simulation.asked(ENTRA)) == asked + 1


async def test_the_permissions_of_a_tenant_are_those_of_its_token(
    simulation: Simulation, tokens: TokenSource
) -> None:
    access = TokenTenantAccess(tokens)
    own, customer = tenant(OWN, is_own_msp_tenant=True), tenant(CUSTOMER)
    with pytest.raises(ConsentRequired):
        await access.permissions(MSP, own)
    with pytest.raises(TenantNotManageable, match="No GDAP access"):
        await access.permissions(MSP, tenant(STRANGERS))
    await simulation.tenant(consented=True, revokedPermissions=["Policy.Read.All"])
    assert "User.Read.All" in await access.permissions(MSP, own)
    assert "Policy.Read.All" not in await access.permissions(MSP, own)
    await simulation.tenant(revokedPermissions=[])
    assert "Policy.Read.All" not in await access.permissions(MSP, own)
    assert "Policy.Read.All" in await access.permissions(MSP, own, fresh=True)
    assert "User.Read.All" in await access.permissions(MSP, customer)


def test_a_token_that_cannot_be_read_has_no_permissions() -> None:
    assert scopes_of("opaque") == frozenset()
    odd = jwt.encode({"scp": ["User.Read.All"], "roles": "User.Read.All"}, "k" * 32)
    assert scopes_of(odd) == roles_of(odd) == frozenset()
