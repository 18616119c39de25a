"""Folding: the form of a text that search compares, without case and accents."""

import unicodedata

# Letters that Unicode does not decompose, although people search for their plain form.
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


# Texts use few different characters, but someone could construct texts that use all of them.
_MOST_REMEMBERED = 20_000


class _Folded(dict[int, str]):
    """The folded form of each character, computed once and looked up by `str.translate`."""

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code))
        if len(self) < _MOST_REMEMBERED:
            self[code] = folded
        return folded


_FOLDED = _Folded()


def fold(text: str) -> str:
    """Return the text without case and accents, and without control characters.

    The index and the query are folded in the same way, so a query can be found as a substring.
    """
    if text.isascii() and text.isprintable():
        return text.lower()
    return text.translate(_FOLDED)


def _fold_character(char: str) -> str:
    """Fold one character; the result does not depend on its neighbours."""
    decomposed = unicodedata.normalize("NFKD", char.casefold())
    bare = "".join(part for part in decomposed if not unicodedata.combining(part))
    return "".join(map(_printable, bare.casefold().translate(_PLAIN)))


def _printable(char: str) -> str:
    """Replace a control character, such as a line break, by a space; drop format characters."""
    category = unicodedata.category(char)
    return " " if category == "Cc" else "" if category == "Cf" else char
