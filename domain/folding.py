"""Folding: a text as search compares it, without regard to case and accents."""

import unicodedata

# Letters that Unicode does not take apart, though people search for them by their plain form.
_PLAIN = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ŧ": "t",
        "\u0131": "i",  # the dotless one
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "\u2018": "'",
        "\u2019": "'",
    }
)


# Texts have few characters, but somebody may make up ones that have them all.
_MOST_REMEMBERED = 20_000


class _Folded(dict[int, str]):
    """What each character becomes: worked out once, and looked up by `str.translate`."""

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code))
        if len(self) < _MOST_REMEMBERED:
            self[code] = folded
        return folded


_FOLDED = _Folded()


def fold(text: str) -> str:
    """Return the text without case and accents, and without control characters.

    The index and a query are folded alike, so that one is found in the other as a substring.
    """
    if text.isascii() and text.isprintable():
        return text.lower()
    return text.translate(_FOLDED)


def _fold_character(char: str) -> str:
    """Fold one character: none needs to know its neighbours."""
    decomposed = unicodedata.normalize("NFKD", char.casefold())
    bare = "".join(part for part in decomposed if not unicodedata.combining(part))
    return "".join(map(_printable, bare.casefold().translate(_PLAIN)))


def _printable(char: str) -> str:
    """Let a line break and the like be a space, and drop what only directs the others."""
    category = unicodedata.category(char)
    return " " if category == "Cc" else "" if category == "Cf" else char
