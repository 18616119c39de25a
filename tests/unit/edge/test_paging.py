"""Page tokens are valid only for the list that issued them."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import MalformedInput
from domain.identifiers import MspId
from edge.paging import Listing, PageTokens

TOKENS = PageTokens("k" * 32)
TENANT = "22222222-2222-4222-8222-2222222222ab"
FILTERS = {"scope": ["all"], "status": ["active"]}
LISTING = Listing("list_users", MspId("m"), {"tenantId": TENANT}, FILTERS)
POSITION = "tenant:22222222-2222-4222-8222-222222222222"


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_a_token_is_good_for_its_list(position: str) -> None:
    token = TOKENS.write(LISTING, position)
    assert token.isascii()
    assert TOKENS.read(LISTING, token) == position


@pytest.mark.parametrize(
    "other",
    [
        Listing("list_staff", LISTING.msp_id, LISTING.path, LISTING.arguments),
        Listing(LISTING.route, MspId("another"), LISTING.path, LISTING.arguments),
        Listing(LISTING.route, LISTING.msp_id, {"tenantId": "another"}, LISTING.arguments),
        Listing(LISTING.route, LISTING.msp_id, {}, LISTING.arguments),
        Listing(LISTING.route, LISTING.msp_id, LISTING.path, {"scope": ["all"]}),
        Listing(
            LISTING.route,
            LISTING.msp_id,
            LISTING.path,
            {**FILTERS, "scope": ["customers"]},
        ),
        Listing(LISTING.route, LISTING.msp_id, LISTING.path, {**FILTERS, "search": [""]}),
    ],
)
def test_a_token_opens_no_other_list(other: Listing) -> None:
    with pytest.raises(MalformedInput) as refused:
        TOKENS.read(other, TOKENS.write(LISTING, POSITION))
    assert refused.value.problems[0][0] == "pageToken"


def test_size_token_and_order_of_arguments_do_not_count() -> None:
    token = TOKENS.write(LISTING, POSITION)
    arguments = {"pageSize": ["7"], "status": ["active"], "pageToken": [token], "scope": ["all"]}
    assert (
        TOKENS.read(Listing(LISTING.route, LISTING.msp_id, LISTING.path, arguments), token)
        == POSITION
    )


def test_an_id_in_the_path_counts_the_same_in_all_its_spellings() -> None:
    token = TOKENS.write(LISTING, POSITION)
    for text in (TENANT.upper(), TENANT.replace("-", ""), f"{{{TENANT}}}"):
        spelled = Listing(LISTING.route, LISTING.msp_id, {"tenantId": text}, LISTING.arguments)
        assert TOKENS.read(spelled, token) == POSITION


def test_a_token_of_another_key_is_none() -> None:
    with pytest.raises(MalformedInput):
        PageTokens("K" * 32).read(LISTING, TOKENS.write(LISTING, POSITION))


def forged(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


_GOOD = base64.urlsafe_b64decode(TOKENS.write(LISTING, POSITION) + "==")


@pytest.mark.parametrize(
    "token",
    [
        *("", "x", "é", "=", "\ud800", "x" * 2000, "a b", forged(b""), forged(b"\xff" * 40)),
        *(forged(_GOOD[:length]) for length in (1, 31, 32, 33, len(_GOOD) - 1)),
        *(forged(_GOOD + b"x"), forged(_GOOD[:32] + b"msp"), forged(_GOOD[::-1])),
    ],
)
def test_a_forged_token_is_malformed(token: str) -> None:
    with pytest.raises(MalformedInput):
        TOKENS.read(LISTING, token)


@given(st.integers(0, len(_GOOD) - 1), st.integers(1, 255))
def test_a_token_with_one_byte_changed_is_malformed(place: int, change: int) -> None:
    changed: Any = bytearray(_GOOD)
    changed[place] ^= change
    with pytest.raises(MalformedInput):
        TOKENS.read(LISTING, forged(bytes(changed)))
