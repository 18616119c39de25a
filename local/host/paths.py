"""The path of a request, as Microsoft's host hands it to routing.

Kestrel decodes it once, except `%2F`, and then resolves the dot segments.
https://github.com/dotnet/aspnetcore/blob/main/src/Servers/Kestrel/Core/src/Internal/Http/PathNormalizer.cs
"""

import re
from urllib.parse import quote

_ORIGIN = re.compile(r"https?://[^/?]*", re.IGNORECASE)
_ESCAPES = re.compile(r"(?:%[0-9a-f]{2})+", re.IGNORECASE)
_ESCAPED_SLASH = re.compile(r"(%2f)", re.IGNORECASE)
# RFC 3986, 3.3: characters that need no escape in a path.
_PLAIN = "/:@!$&'()*+,;=-._~"


def split_target(target: str) -> tuple[str, str]:
    """Return a request line's path, and its query with the question mark or empty."""
    if not target.startswith("/"):
        target = _ORIGIN.sub("", target, count=1)
    path, mark, query = target.partition("?")
    return path or "/", mark + query


def decoded_path(path: str) -> str:
    """Return a path with all escapes except `%2F` decoded, and its dot segments resolved."""
    if "%" in path:
        path = "".join(
            part if _ESCAPED_SLASH.fullmatch(part) else unescape(part)
            for part in _ESCAPED_SLASH.split(path)
        )
    return _without_dots(path) if "/." in path else path


def encoded_path(path: str) -> str:
    """Return a decoded path as it is written in a URL; escapes that are left in it stay."""
    parts = re.split(r"(%[0-9a-fA-F]{2})", path)
    return "".join(
        part if position % 2 else quote(part, _PLAIN, errors="surrogatepass")
        for position, part in enumerate(parts)
    )


def unescape(text: str) -> str:
    """Decode escapes; those that are not UTF-8, and text that only looks like one, stay."""
    return _ESCAPES.sub(lambda run: _decoded(run[0]), text)


def _decoded(run: str) -> str:
    """Decode consecutive escapes."""
    data, text = bytes.fromhex(run.replace("%", "")), ""
    start = 0
    while start < len(data):
        try:
            return text + data[start:].decode()
        except UnicodeDecodeError as error:
            good, bad = start + error.start, start + error.end
            text += data[start:good].decode() + run[3 * good : 3 * bad]
            start = bad
    return text


def _without_dots(path: str) -> str:
    """Resolve dot segments as in RFC 3986, 5.2.4; there is nothing above the root."""
    kept: list[str] = []
    parts = path.split("/")[1:]
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    if parts[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)
