"""What the types of Microsoft's documents accept, and the error messages for the rest."""

from typing import Any, NotRequired, TypedDict

import pytest
from pydantic import TypeAdapter, with_config

from adapters.schema import (
    STRICT,
    Amount,
    Count,
    Few,
    Flag,
    Json,
    Key,
    Malformed,
    MomentText,
    Name,
    Word,
    check,
)


@with_config(STRICT)
class Sample(TypedDict):
    id: Key
    name: NotRequired[Name | None]
    word: NotRequired[Word | None]
    amount: NotRequired[Amount | None]
    count: NotRequired[Count | None]
    flag: NotRequired[Flag | None]
    at: NotRequired[MomentText | None]
    json: NotRequired[Json]
    few: NotRequired[Few[Word]]


SCHEMA = TypeAdapter(Sample)


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize(
    "fields",
    [
        {"name": None, "word": None, "amount": None, "count": None, "flag": None, "at": None},
        {"name": "Ελένη Παπαδόπουλος", "word": "Enabled"},
        {"name": "e\u200dmoji \N{FAMILY}"},
        {"amount": 240.5, "count": 0, "flag": False},
        {"at": "2024-03-01T02:03:04.5678901Z"},
        {"json": {"conditions": [{"users": ["All"], "depth": nested(20), "none": None}]}},
    ],
)
def test_what_microsoft_documents_fits(fields: dict[str, Any]) -> None:
    assert check(SCHEMA, {"id": "a-1_2.3", **fields}) == {"id": "a-1_2.3", **fields}


def test_control_characters_and_halves_of_surrogate_pairs_are_taken_out_of_names() -> None:
    document = {"id": "a", "name": "Adele\x00 \ud800Vance\u2028\n"}
    assert check(SCHEMA, document)["name"] == "Adele Vance"


def test_a_property_that_was_not_asked_for_is_ignored() -> None:
    assert check(SCHEMA, {"id": "a", "@odata.type": 5}) == {"id": "a"}


UNFIT: dict[str, list[Any]] = {
    "id": [None, 5, "", "a\ud800", "a\n", "ä", "x" * 151, ["a"]],
    "name": [5, ["a"], {}, "x" * 257, "x" * 100_000],
    "word": [5, "ä", "x" * 129, ["enabled"]],
    "amount": ["10", 10**400, float("inf"), float("nan"), -1, True],
    "count": ["10", 1.5, 10**400, -1, True],
    "flag": [0, "true", []],
    "at": [
        *("0001-01-01T00:00:00Z", "1600-12-31T23:59:59Z", "9999-12-31T23:59:59-08:00"),
        *("2200-01-01T00:00:00Z", "yesterday", "", 5, "2" * 100_000),
    ],
    "json": [
        nested(40),
        float("inf"),
        10**30,
        "x" * 400_001,
        {"a": object()},
        '"' * 390_000,
        "\N{FAMILY}" * 390_000,
        "\x01" * 390_000,
    ],
    "few": [["x"] * 501, "x"],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in UNFIT.items() for value in values]
)
def test_what_does_not_fit_is_refused_by_its_field(field: str, value: Any) -> None:
    with pytest.raises(Malformed) as refused:
        check(SCHEMA, {"id": "a", field: value})
    assert refused.value.field == field
    assert len(str(refused.value)) < 60


@pytest.mark.parametrize("document", [None, 5, "a", [], [{}]])
def test_what_is_no_object_is_refused_as_a_whole(document: Any) -> None:
    with pytest.raises(Malformed) as refused:
        check(SCHEMA, document)
    assert refused.value.field == ""


def test_a_refusal_never_holds_the_value() -> None:
    with pytest.raises(Malformed) as refused:
        check(SCHEMA, {"id": "secret\n", "name": ["secret"]})
    assert "secret" not in repr(refused.value.__dict__) + str(refused.value)
    assert refused.value.__cause__ is None
