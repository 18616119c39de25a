from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.folding import fold
from domain.user_block import (
    Entry,
    UserBlock,
    blocks_of,
    by_block,
    covers_every_hash,
    entry_of,
    read_answer,
)

ODD = "aAåÅ ßſİ\u0131\n\t\0\u200d\u0301\u2019🦊\ud800"
TEXTS = st.text(st.sampled_from(ODD), max_size=8)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Adele VANCE", "adele vance"),
        ("Ådele Åberg", "adele aberg"),
        ("A\u030adele", "adele"),
        ("BJÖRN", "bjorn"),
        ("Søren Paweł Đorđe Þóra", "soren pawel dorde thora"),
        ("Straße", "strasse"),
        ("İpek Y\u0131lmaz", "ipek yilmaz"),
        ("Ελένη Παπαδόπουλος", "ελενη παπαδοπουλοσ"),
        ("Фёдор", "федор"),
        ("ﬁne ①", "fine 1"),
        ("O\u2019Neil", "o'neil"),
        ("tab\tand\nline", "tab and line"),
        ("zero\u200bwidth", "zerowidth"),
        ("李娜", "李娜"),
    ],
)
def test_case_and_accents_are_folded_away(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(TEXTS, TEXTS, TEXTS)
def test_a_part_of_a_name_is_found_in_the_folded_name(before: str, part: str, after: str) -> None:
    wanted = fold(part)
    assert wanted in fold(before + part + after)
    assert fold(wanted) == wanted
    assert not {"\n", "\t", "\0"} & set(wanted)


def users(count: int, **changes: Any) -> dict[str, Entry]:
    documents = [
        {
            "id": f"user {n}",
            "displayName": f"Ådele {n}",
            "accountEnabled": n % 3 > 0,
            "mail": None,
            **changes,
        }
        for n in range(count)
    ]
    return {str(user["id"]): entry_of(str(user["id"]), user) for user in documents}


def test_a_block_has_enabled_users_first_then_by_name() -> None:
    block = UserBlock.of("", users(12).values())
    assert (block.users, block.enabled) == (12, 8)
    answers = [read_answer(line) for line in block.answers.split("\n")]
    assert [answer["accountEnabled"] for answer in answers] == [True] * 8 + [False] * 4
    names = [answer["displayName"] for answer in answers[:8]]
    assert names == sorted(names)
    assert answers[0] == {
        "id": "user 1",
        "displayName": "Ådele 1",
        "userPrincipalName": None,
        "mail": None,
        "userType": None,
        "accountEnabled": True,
    }


@given(
    st.dictionaries(
        st.text("ab1", min_size=1, max_size=4),
        st.fixed_dictionaries(
            {"displayName": TEXTS | st.none(), "accountEnabled": st.booleans() | st.none()}
        ),
        max_size=6,
    )
)
def test_a_block_gives_back_the_users_that_it_was_made_of(by_id: dict[str, Any]) -> None:
    entries = {key: entry_of(key, user) for key, user in by_id.items()}
    assert UserBlock.of("", entries.values()).entries() == entries


def test_a_large_block_is_divided_and_each_user_is_in_the_block_of_its_hash() -> None:
    entries = users(2500)
    blocks = blocks_of("", entries)
    names = {block.name for block in blocks}
    assert covers_every_hash(names)
    assert all(block.users <= 1000 for block in blocks)
    placed = by_block(names, entries)
    assert {block.name: block.entries() for block in blocks} == placed


def test_a_block_holds_what_a_row_holds_however_long_the_names() -> None:
    blocks = blocks_of("", users(150, displayName="🦊" * 2000, mail="é" * 2000))
    assert len(blocks) > 1
    assert all(len(f"{b.folded}{b.answers}".encode()) < 1_000_000 for b in blocks)
    (alone,) = blocks_of("1" * 32, users(1001))
    assert alone.users == 1001


@pytest.mark.parametrize(
    ("names", "whole"),
    [
        ([], False),
        ([""], True),
        (["0"], False),
        (["0", "1"], True),
        (["0", "10", "11"], True),
        (["0", "00", "1"], False),
        (["", "0", "1"], False),
        (["0", "10"], False),
    ],
)
def test_blocks_are_whole_when_each_hash_has_one(names: list[str], whole: bool) -> None:
    assert covers_every_hash(names) is whole
