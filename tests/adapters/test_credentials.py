import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from azure.core.exceptions import ResourceNotFoundError, ServiceRequestError
from azure.keyvault.secrets import KeyVaultSecret, SecretProperties
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from adapters.clock import SystemClock
from adapters.credentials import Credential, Credentials, ManagedIdentity
from adapters.identity import TokenSource
from adapters.secrets import FileSecrets, KeyVaultSecrets, Secret
from domain.errors import MicrosoftRefused, MicrosoftUnavailable, StorageUnavailable
from domain.msp import Msp
from local.microsoft.certificates import key_and_certificate
from local.sample_data import (
    CONTOSO,
    FABRIKAM,
    IDENTITY_CLIENT_ID,
    IDENTITY_HEADER,
    IDENTITY_OBJECT_ID,
    SERVICE_TENANT_ID,
)
from tests.fakes.outside import FixedClock
from tests.simulation import CUSTOMER, MSP, OWN, Simulation

ENTRA = "/oauth2/v2.0/token"
NAME = "partner-app"


def msp(credential: str | None = NAME) -> Msp:
    return replace(MSP, app=replace(MSP.app, credential=credential))


class FakeSecrets:
    """Secrets in memory that count how often they are read, and may be unreachable."""

    def __init__(self, secret: Secret | None = None) -> None:
        self.secret, self.reads, self.is_out = secret, 0, False

    async def read(self, name: str) -> Secret:
        self.reads += 1
        if self.is_out:
            raise StorageUnavailable("Key Vault does not answer.")
        if self.secret is None:
            raise LookupError(name)
        return self.secret

    async def set(self, name: str, value: str) -> None:
        self.secret = Secret(value)

    async def replace(self, name: str, used: Secret, value: str) -> None:
        self.secret = Secret(value)


def pkcs12_of(pem: str) -> str:
    """Return a certificate in the form of the secret that Key Vault stores for it."""
    key = load_pem_private_key(pem.encode(), None)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    data = pkcs12.serialize_key_and_certificates(
        None,
        key,  # type: ignore[arg-type]  # it is RSA
        certificate,
        None,
        NoEncryption(),
    )
    return base64.b64encode(data).decode()


@pytest.fixture
async def app(simulation: Simulation) -> AsyncIterator[Any]:
    """Change the credentials of Contoso's app; restore them at the end."""
    folder = simulation.run_dir / "secrets"

    async def exchange(**credentials: Any) -> None:
        await simulation.browser.control("PUT", f"/apps/{CONTOSO.client_id}", credentials)

    await simulation.tenant(consented=True)
    yield exchange
    await exchange(
        certificate=(folder / CONTOSO.credential).read_text(),
        secret=(folder / CONTOSO.client_secret).read_text(),
        secretIsExpired=False,
        trust=None,
    )


@pytest.fixture
def identity(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> ManagedIdentity:
    """The app's managed identity, as App Service describes it in the environment."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(simulation.run_dir / "ca.pem"))
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{simulation.origin}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
    return ManagedIdentity(IDENTITY_CLIENT_ID)


def source(simulation: Simulation, credentials: Credentials) -> TokenSource:
    return TokenSource(simulation.origin, simulation.origin, credentials)


async def test_a_partner_app_that_trusts_the_managed_identity_needs_no_secret(
    simulation: Simulation, app: Any, identity: ManagedIdentity, secrets: FileSecrets
) -> None:
    tokens = source(simulation, Credentials(secrets, SystemClock(), identity))
    token = await tokens.app_token(msp(None), OWN)
    assert jwt.decode(token, options={"verify_signature": False})["appid"] == CONTOSO.client_id
    assert await tokens.delegated_token(msp(None), CUSTOMER)
    assert await tokens.app_token(msp(None), OWN) == token
    # The identity's token is cached: it was requested once for both tenants.
    assert len(await simulation.asked("/msi/token")) == 1


async def test_a_managed_identity_stands_for_no_app_of_another_tenant(
    simulation: Simulation, app: Any, identity: ManagedIdentity, secrets: FileSecrets
) -> None:
    tokens = source(simulation, Credentials(secrets, SystemClock(), identity))
    elsewhere = replace(MSP, app=replace(MSP.app, client_id=FABRIKAM.client_id, credential=None))
    with pytest.raises(MicrosoftRefused):
        await tokens.app_token(elsewhere, OWN)


@pytest.mark.parametrize(
    "trust",
    [
        {"issuer": "https://another.example/v2.0", "subject": IDENTITY_OBJECT_ID},
        {"subject": "another"},
        {"subject": IDENTITY_OBJECT_ID, "audience": "api://another"},
    ],
)
async def test_an_app_that_trusts_somebody_else_refuses_the_managed_identity(
    simulation: Simulation,
    app: Any,
    identity: ManagedIdentity,
    secrets: FileSecrets,
    trust: dict[str, str],
) -> None:
    await app(trust={"issuer": f"{simulation.origin}/{SERVICE_TENANT_ID}/v2.0", **trust})
    tokens = source(simulation, Credentials(secrets, SystemClock(), identity))
    with pytest.raises(MicrosoftRefused):
        await tokens.app_token(msp(None), OWN)


async def test_a_managed_identity_that_is_not_to_be_had_is_passing_or_is_told(
    simulation: Simulation, app: Any, identity: ManagedIdentity, secrets: FileSecrets
) -> None:
    without = source(simulation, Credentials(secrets, SystemClock()))
    with pytest.raises(MicrosoftRefused, match="managed identity"):
        await without.app_token(msp(None), OWN)
    unknown = source(simulation, Credentials(secrets, SystemClock(), ManagedIdentity("unknown")))
    with pytest.raises(MicrosoftUnavailable):
        await unknown.app_token(msp(None), OWN)


async def test_a_key_vault_certificate_is_good_as_pem_and_as_pkcs12(
    simulation: Simulation, app: Any, tokens: TokenSource
) -> None:
    pem = key_and_certificate("Contoso MSP")
    await app(certificate=pem)
    for secret in (Secret(pem), Secret(pkcs12_of(pem), content_type="application/x-pkcs12")):
        fresh = source(simulation, Credentials(FakeSecrets(secret), SystemClock()))
        assert await fresh.app_token(msp(), OWN)


@pytest.mark.parametrize("kind", ["wrong secret", "expired secret", "certificate"])
async def test_a_credential_that_entra_refuses_gives_way_to_the_newest_at_once(
    simulation: Simulation, app: Any, tokens: TokenSource, kind: str
) -> None:
    old, new = "an old secret" + "x" * 20, "a new secret" + "x" * 20
    if kind == "certificate":
        old, new = key_and_certificate("Contoso MSP"), key_and_certificate("Contoso MSP")
    name = "certificate" if kind == "certificate" else "secret"
    stored = FakeSecrets(Secret(old))
    await app(**{name: old})
    tokens = source(simulation, Credentials(stored, FixedClock()))
    assert await tokens.app_token(msp(), OWN)
    if kind == "expired secret":
        await app(secretIsExpired=True)
    else:
        await app(**{name: new})
    assert await tokens.app_token(msp(), OWN)  # The cached token is valid until it expires.
    with pytest.raises(MicrosoftRefused):  # Nothing newer is stored, so Entra is asked only once.
        await tokens.app_token(msp(), CUSTOMER)
    stored.secret = Secret(new)
    await app(**{name: new}, secretIsExpired=False)
    asked = len(await simulation.asked(ENTRA))
    await simulation.tenant(CUSTOMER, consented=True)
    assert await tokens.app_token(msp(), CUSTOMER)
    assert len(await simulation.asked(ENTRA)) - asked <= 2


@pytest.mark.parametrize("code", [700027, 1000502, 7000274, 7000214, 7000277])
async def test_each_word_of_entras_for_a_certificate_that_is_no_longer_good_has_the_newest_read(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    stored = FakeSecrets(Secret("old"))
    tokens = TokenSource("https://entra", "https://graph", Credentials(stored, FixedClock()))

    async def answer(_: TokenSource, credential: Credential, *_rest: Any) -> dict[str, Any]:
        if credential.msal == "new":
            return {"access_token": "a.token"}
        stored.secret = Secret("new")
        return {"error": "invalid_client", "error_codes": [code]}

    monkeypatch.setattr(TokenSource, "_ask_with", answer)
    assert await tokens.app_token(msp(), OWN) == "a.token"


async def test_a_new_version_is_in_use_within_five_minutes_without_a_restart(
    simulation: Simulation, app: Any, tokens: TokenSource
) -> None:
    clock, old, new = FixedClock(), key_and_certificate("Old"), key_and_certificate("New")
    stored = FakeSecrets(Secret(old))
    await app(certificate=old)
    tokens = source(simulation, Credentials(stored, clock))
    first = await tokens.app_token(msp(), OWN)
    stored.secret = Secret(new)
    clock.advance(minutes=4, seconds=59)
    assert await tokens.app_token(msp(), OWN) == first
    assert stored.reads == 1
    await app(certificate=new)
    asked = len(await simulation.asked(ENTRA))
    clock.advance(hours=1)  # the first token has expired
    assert await tokens.app_token(msp(), OWN)
    assert stored.reads == 2
    assert len(await simulation.asked(ENTRA)) == asked + 1


async def test_a_key_vault_that_does_not_answer_leaves_what_is_known(
    simulation: Simulation, app: Any, tokens: TokenSource
) -> None:
    clock, pem = FixedClock(), key_and_certificate("Contoso MSP")
    stored = FakeSecrets(Secret(pem))
    await app(certificate=pem)
    credentials = Credentials(stored, clock)
    tokens = source(simulation, credentials)
    await tokens.app_token(msp(), OWN)
    stored.is_out = True
    clock.advance(minutes=10)
    assert await tokens.app_token(msp(), OWN)
    with pytest.raises(StorageUnavailable):
        await tokens.app_token(msp(), OWN, fresh=True)


async def test_the_end_of_a_credential_is_told_and_read_once_in_a_while() -> None:
    clock, pem = FixedClock(datetime.now(UTC)), key_and_certificate("Contoso MSP")
    soon = clock.now() + timedelta(days=3)
    stored = FakeSecrets(Secret(pem))
    credentials = Credentials(stored, clock)
    end = await credentials.expires_at(msp())
    assert end is not None
    assert timedelta(days=364) < end - clock.now() < timedelta(days=366)
    stored.secret = Secret("a client secret", soon)
    assert await credentials.expires_at(msp()) == end
    assert stored.reads == 1
    clock.advance(minutes=5)
    assert await credentials.expires_at(msp()) == soon
    stored.secret = Secret(pem, soon)
    clock.advance(minutes=5)
    assert await credentials.expires_at(msp()) == soon
    assert await Credentials(stored, clock).expires_at(msp(None)) is None


@pytest.mark.parametrize("secret", [None, Secret("-----BEGIN nonsense"), Secret("AAAA")])
async def test_an_end_that_nobody_knows_is_none_and_is_not_asked_for_again(
    secret: Secret | None,
) -> None:
    stored = FakeSecrets(secret)
    stored.is_out = secret == Secret("AAAA")
    credentials = Credentials(stored, FixedClock())
    assert await credentials.expires_at(msp()) is None
    assert await credentials.expires_at(msp()) is None
    assert stored.reads == 1


@pytest.mark.parametrize("damaged", ["AAAA", "no base64", ""])
async def test_a_damaged_certificate_is_the_msps_to_put_right(damaged: str) -> None:
    stored = FakeSecrets(Secret(damaged, content_type="application/x-pkcs12"))
    with pytest.raises(MicrosoftRefused):
        await Credentials(stored, FixedClock()).get(msp().app)


async def test_a_key_that_a_password_locks_is_the_msps_to_put_right_and_fails_no_answer() -> None:
    pem = key_and_certificate("Contoso MSP")
    key = load_pem_private_key(pem.encode(), password=None)
    locked = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    secret = Secret(locked.decode() + pem[pem.index("-----BEGIN CERTIFICATE") :])
    credentials = Credentials(FakeSecrets(secret), FixedClock())
    assert await credentials.expires_at(msp()) is None
    with pytest.raises(MicrosoftRefused):
        await credentials.get(msp().app)


def test_neither_a_secret_nor_a_credential_is_ever_shown() -> None:
    assert "password" not in repr(Secret("password"))


class _Vault:
    """The parts of Key Vault's client that are used."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def get_secret(self, name: str) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def test_key_vault_tells_value_end_and_type(tmp_path: Path) -> None:
    vault = KeyVaultSecrets("https://contoso.vault.azure.net", None)  # type: ignore[arg-type]
    found = KeyVaultSecret(SecretProperties(content_type="text/plain"), "a secret")
    vault.__dict__["_client"] = _Vault(found)
    assert await vault.read("name") == Secret("a secret", None, "text/plain")
    vault.__dict__["_client"] = _Vault(ResourceNotFoundError())
    with pytest.raises(LookupError):
        await vault.read("name")
    vault.__dict__["_client"] = _Vault(ServiceRequestError("no answer"))
    with pytest.raises(StorageUnavailable):
        await vault.read("name")


class _VersionedVault:
    """Key Vault's client with all versions of one secret; times are in whole seconds."""

    def __init__(self) -> None:
        self.versions: list[SimpleNamespace] = []
        self.after_a_look: list[str] = []

    async def set_secret(self, name: str, value: str, **kept: Any) -> SimpleNamespace:
        while self.after_a_look:
            self._add(self.after_a_look.pop(), {})
        return self._add(value, kept)

    def _add(self, value: str, kept: dict[str, Any]) -> SimpleNamespace:
        properties = SimpleNamespace(
            version=str(len(self.versions) + 1),
            created_on=datetime(2026, 11, 25, tzinfo=UTC),
            expires_on=kept.get("expires_on"),
            content_type=kept.get("content_type"),
        )
        self.versions.append(SimpleNamespace(properties=properties, value=value))
        return self.versions[-1]

    async def get_secret(self, name: str, version: str | None = None) -> SimpleNamespace:
        return self.versions[int(version) - 1 if version else -1]

    async def list_properties_of_secret_versions(self, name: str) -> AsyncIterator[SimpleNamespace]:
        for secret in self.versions:
            yield secret.properties


@pytest.mark.parametrize("before_the_look", [True, False])
async def test_a_version_that_an_operator_stores_meanwhile_stays_the_newest(
    before_the_look: bool,
) -> None:
    vault = KeyVaultSecrets("https://contoso.vault.azure.net", None)  # type: ignore[arg-type]
    client = vault.__dict__["_client"] = _VersionedVault()
    await client.set_secret("name", "first")
    used = await vault.read("name")
    if before_the_look:
        await client.set_secret("name", "of the operator")
    else:
        client.after_a_look.append("of the operator")
    await vault.replace("name", used, "rotated")
    assert (await vault.read("name")).value == "of the operator"


async def test_a_version_that_nobody_has_changed_is_replaced() -> None:
    vault = KeyVaultSecrets("https://contoso.vault.azure.net", None)  # type: ignore[arg-type]
    client = vault.__dict__["_client"] = _VersionedVault()
    await client.set_secret("name", "first")
    await vault.replace("name", await vault.read("name"), "rotated")
    assert [secret.value for secret in client.versions] == ["first", "rotated"]


async def test_a_secret_is_stored_whether_or_not_there_is_one() -> None:
    vault = KeyVaultSecrets("https://contoso.vault.azure.net", None)  # type: ignore[arg-type]
    vault.__dict__["_client"] = _VersionedVault()
    for value in ("first", "second"):
        await vault.set("name", value)
        assert (await vault.read("name")).value == value


async def test_a_vault_that_does_not_take_a_secret_is_told() -> None:
    vault = KeyVaultSecrets("https://contoso.vault.azure.net", None)  # type: ignore[arg-type]

    async def refuse(_name: str, _value: str) -> None:
        raise ServiceRequestError("no route")

    vault.__dict__["_client"] = SimpleNamespace(set_secret=refuse)
    with pytest.raises(StorageUnavailable):
        await vault.set("name", "value")


async def test_an_app_that_is_not_registered_yet_gets_no_token(tokens: TokenSource) -> None:
    unregistered = replace(MSP, app=replace(MSP.app, client_id=None))
    with pytest.raises(MicrosoftRefused, match="not registered"):
        await tokens.app_token(unregistered, OWN)
