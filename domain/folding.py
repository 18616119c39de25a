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


def fold(text: str) -> str:
    """Return the text without case and accents, and without control characters.

    The index and a query are folded alike, so that one is found in the other as a substring.
    """
    if text.isascii():
        folded = text.lower()
    else:
        decomposed = unicodedata.normalize("NFKD", text.casefold())
        bare = "".join(char for char in decomposed if not unicodedata.combining(char))
        folded = bare.casefold().translate(_PLAIN)
    return folded if folded.isprintable() else _printable(folded)


def _printable(text: str) -> str:
    """Let line breaks and the like be spaces, and drop what only directs the others."""
    kept = (char for char in text if unicodedata.category(char) != "Cf")
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in kept)
