"""Prose of the project: words that a reader would stumble over do not come back."""

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORDS = (
    *("anew", "told", "tells of", "tell of", "dearest", "parted", "comes to", "came to"),
    *("all the same", "stands in", "of a sudden", "for ever", "by itself alone", "Tell whether"),
)
_UNWANTED = re.compile(rf"\b({'|'.join(WORDS)})\b", re.IGNORECASE)
# Texts that OpenAPI shows: they are part of the contract.
PUBLISHED = (
    "What the portal is told after the redirect.",
    "What the month comes to if everything stays as it is until its end.",
    "Where a tenant stands in its lifecycle.",
)
# It names the words.
_EXCEPT = {"tests/unit/test_words.py"}


def tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split() if (ROOT / name).exists()]


def prose_of(source: str) -> Iterator[str]:
    """Yield the comments and docstrings of a module."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        is_docstring = token.type == tokenize.STRING and token.string.startswith('"""')
        if token.type == tokenize.COMMENT or is_docstring:
            yield token.string


def unwanted(text: str) -> list[str]:
    for published in PUBLISHED:
        text = text.replace(published, "")
    return [found[0] for found in _UNWANTED.finditer(text)]


@pytest.mark.parametrize("name", sorted(set(tracked("*.py")) - _EXCEPT))
def test_comments_and_docstrings_are_plain(name: str) -> None:
    source = (ROOT / name).read_text()
    assert [word for prose in prose_of(source) for word in unwanted(prose)] == []


@pytest.mark.parametrize("name", tracked("*.md", "*.bicep", "Makefile"))
def test_documents_are_plain(name: str) -> None:
    assert unwanted((ROOT / name).read_text()) == []


def test_an_unwanted_word_is_found() -> None:
    assert unwanted("It is built Anew.") == ["Anew"]
    assert unwanted("renewed, retold") == []
    assert list(prose_of('x = 1  # told\n"""It comes to this."""\ny = "told"\n')) == [
        "# told",
        '"""It comes to this."""',
    ]
