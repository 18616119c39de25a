"""A token is verified once; its expiry and its key are checked at each use."""

import time
from typing import Any, override

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from domain.errors import MicrosoftUnavailable, Unauthenticated
from edge import tokens
from edge.tokens import SCOPE, SigningKeys, TokenVerifier
from tests.samples import OWN, OWNER_OID

AUTHORITY, AUDIENCE = "https://login.contoso.com", "api"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Keys(SigningKeys):
    """Entra's keys, which a test changes."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"1": KEY.public_key()}
        self.is_available = True

    @override
    async def key(self, kid: str) -> Any | None:
        if not self.is_available:
            raise MicrosoftUnavailable("no keys", 1)
        return self.keys.get(kid)


class World:
    """A verifier, and how many tokens it has verified in full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys, self.decoded, self._patch = Keys(), 0, monkeypatch
        self.verifier = TokenVerifier(self.keys, AUTHORITY, AUDIENCE)
        decode = jwt.decode

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.decoded += 1
            return decode(*args, **kwargs)

        monkeypatch.setattr(jwt, "decode", counted)

    async def verify(self, token: str) -> None:
        assert (await self.verifier.verify(f"Bearer {token}")).oid == OWNER_OID

    def at(self, moment: float) -> None:
        """Let it be another time for what is remembered."""
        self._patch.setattr(tokens, "time", lambda: moment)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def token(lives: float = 3600, key: Any = KEY, **claims: Any) -> str:
    now = int(time.time())
    told = {
        "exp": now + int(lives),
        "nbf": now - 3600,
        "iat": now - 3600,
        "iss": f"{AUTHORITY}/{OWN}/v2.0",
        "aud": AUDIENCE,
        "tid": OWN,
        "oid": OWNER_OID,
        "ver": "2.0",
        "scp": SCOPE,
    }
    return jwt.encode(told | claims, key, "RS256", headers={"kid": "1"})


async def test_the_same_token_is_verified_once(world: World) -> None:
    first, second = token(), token(jti="2")
    for one in (first, second, first, second):
        await world.verify(one)
    assert world.decoded == 2


async def test_a_token_is_not_accepted_after_it_has_expired(world: World) -> None:
    now = time.time()
    one = token(60)
    await world.verify(one)
    world.at(now + 60 + 28)  # within the leeway
    await world.verify(one)
    assert world.decoded == 1
    world.at(now + 60 + 31)
    await world.verify(one)  # in full, by the real clock
    assert world.decoded == 2


async def test_an_expired_token_is_never_remembered(world: World) -> None:
    one = token(-31)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await world.verify(one)
    assert world.decoded == 2


@pytest.mark.parametrize("current", [{}, {"1": OTHER_KEY.public_key()}, {"2": KEY.public_key()}])
async def test_a_token_of_a_key_that_entra_no_longer_has_is_refused(
    world: World, current: dict[str, Any]
) -> None:
    one = token()
    await world.verify(one)
    world.keys.keys = current
    with pytest.raises(Unauthenticated):
        await world.verify(one)


async def test_keys_that_were_fetched_anew_verify_again(world: World) -> None:
    one = token()
    await world.verify(one)
    world.keys.keys = {"1": jwt.PyJWK.from_dict(_document()).key}
    await world.verify(one)
    assert world.decoded == 2


def _document() -> dict[str, Any]:
    document: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    return document


async def test_a_token_with_another_ending_is_another_token(world: World) -> None:
    one = token()
    await world.verify(one)
    head, body, _ = one.split(".")
    foreign = token(key=OTHER_KEY).split(".")[2]
    for forged in (f"{head}.{body}.{foreign}", f"{head}.{body}.", one[:-4]):
        with pytest.raises(Unauthenticated):
            await world.verify(forged)


async def test_the_remembered_tokens_are_limited(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_REMEMBERED", 2)
    for number in range(5):
        await world.verify(token(jti=str(number)))
        assert len(world.verifier._verified) <= 2


async def test_nothing_of_a_token_is_kept_in_memory_but_its_digest(world: World) -> None:
    one = token()
    await world.verify(one)
    assert one not in repr(world.verifier._verified)
