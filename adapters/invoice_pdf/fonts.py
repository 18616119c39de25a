"""Fonts: one for most texts, and others for scripts that it does not contain."""

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

_FOLDER = Path(__file__).parent / "fonts"
REGULAR = _FOLDER / "NotoSans-Regular.ttf"
BOLD = _FOLDER / "NotoSans-Bold.ttf"
# Hangul, then Han and kana: these fonts also have characters of other scripts, so they come last.
_LAST = (_FOLDER / "NanumGothic.ttf", _FOLDER / "DroidSansFallbackFull.ttf")
_UNKNOWN = "\ufffd"


@cache
def _others() -> tuple[Path, ...]:
    of_scripts = sorted(set(_FOLDER.glob("Noto*.ttf")) - {REGULAR, BOLD})
    return (*of_scripts, *_LAST)


@cache
def characters(font: Path) -> frozenset[int]:
    """Return the characters that a font has."""
    with TTFont(font, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def is_plain(text: str) -> bool:
    """Return whether the font for most texts has all characters."""
    return characters(REGULAR).issuperset(map(ord, text))


def fonts_for(texts: Iterable[str]) -> list[Path]:
    """Return the fonts that the texts need in addition to the font for most texts."""
    left = {ord(character) for text in texts for character in text} - characters(REGULAR)
    return list(_needed(left))


def _needed(left: set[int]) -> Iterator[Path]:
    for font in _others() if left else ():
        if left & characters(font):
            yield font
            left -= characters(font)


def printable(text: str) -> str:
    """Return a text without control characters; characters that no font has are replaced."""
    plain = "".join(" " if unicodedata.category(c) in {"Cc", "Cs"} else c for c in text)
    return plain if is_plain(plain) else "".join(map(_known, plain))


def _known(character: str) -> str:
    known = any(ord(character) in characters(font) for font in (REGULAR, *_others()))
    return character if known else _UNKNOWN
