"""GUIDs: all spellings that the Functions host's `guid` accepts are the same ID."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import MalformedInput
from domain.identifiers import parse_guid
from local.host.constraints import constraint

GUID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
SPELLINGS = [
    GUID,
    GUID.upper(),
    GUID.replace("-", ""),
    f"{{{GUID}}}",
    f"({GUID.upper()})",
    f" {GUID}\t",
    "{0xa1b2c3d,0x4e5f,0x6071,{0x82,0x93,0xa4,0xb5,0xc6,0xd7,0xe8,0xf9}}",
    "{0x000000000a1b2c3d,0x0004e5f,0x6071,{0x082,0x0093,0xa4,0xb5,0xc6,0xd7,0xe8,0xf9}}",
    "{0X0A1B2C3D, 0x4E5F, 0x6071, {0x82,0x93,0xa4,0xb5,0xc6,0xd7,0xe8,0xf9}}",
]
NONE = [
    "",
    "x",
    GUID[:-1],
    GUID + "0",
    GUID.replace("-", "", 1),
    f"{{{GUID})",
    f"{{{GUID}",
    "{" + GUID.replace("-", "") + "}",
    GUID + "\n" + GUID,
    GUID.replace("a", "\uff41"),
    "{0xa1b2c3d0a,0x4e5f,0x6071,{0x82,0x93,0xa4,0xb5,0xc6,0xd7,0xe8,0xf9}}",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_is_the_same_id(text: str) -> None:
    assert constraint("guid", None)(text)
    assert parse_guid(text, "tenantId") == GUID


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_guid_is_refused_by_its_field(text: str) -> None:
    assert not constraint("guid", None)(text)
    with pytest.raises(MalformedInput, match="tenantId must be a GUID"):
        parse_guid(text, "tenantId")


@given(st.one_of(st.text(max_size=70), st.text("0123456789abcdefABCDEFx{}(), -", max_size=70)))
def test_the_host_and_the_product_take_the_same(text: str) -> None:
    try:
        parse_guid(text, "x")
    except MalformedInput:
        taken = False
    else:
        taken = True
    assert constraint("guid", None)(text) == taken
