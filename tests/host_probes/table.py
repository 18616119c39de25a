"""The observed behaviour of Microsoft's host, release 4.1037.0: requests and responses."""

from dataclasses import dataclass, field
from typing import Any

_ID = "00112233-4455-6677-8899-aabbccddeeff"
_BYTES = "{0x88,0x99,0xaa,0xbb,0xcc,0xdd,0xee,0xff}"
_MEGABYTE = 1024 * 1024
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and the expected facts about its response.

    Args:
        headers: Header lines in addition to `Host`, as they are sent.
        expected: Facts by the names that `Reply.fact` accepts.
    """

    title: str
    target: str
    expected: dict[str, Any] = field(default_factory=dict)
    method: str = "GET"
    headers: tuple[str, ...] = ()
    body: bytes = b""

    @property
    def request(self) -> bytes:
        """The request as it is sent."""
        lines = [f"{self.method} {self.target} HTTP/1.1", "Host: probes.example", *self.headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


def _by(title: str, target: str, function: str, method: str = "GET", **facts: Any) -> Case:
    named = {name.replace("_", " "): value for name, value in facts.items()}
    return Case(title, target, {"status": 200, "function": function, **named}, method)


def _refused(
    title: str, target: str, status: int, method: str = "GET", headers: tuple[str, ...] = ()
) -> Case:
    expected = {"status": status, "body": "", "header allow": None}
    return Case(title, target, expected, method, headers)


ROUTES = [
    _by("a parameter whose function sorts first", "/early/summary", "a_parameter"),
    _by("a literal whose function sorts first", "/late/summary", "c_literal"),
    _by("what is no such literal", "/late/other", "d_parameter", route_id="other"),
    _by("a catch-all", "/wild/a/b", "unrouted", route_path="a/b"),
    _by("a function that sorts after a catch-all is dead", "/wild/zed", "unrouted"),
    _by("guid: hyphens", f"/typed/guid/{_ID}", "typed_guid", route_id=_ID),
    _by("guid: capitals", f"/typed/guid/{_ID.upper()}", "typed_guid"),
    _by("guid: 32 digits", f"/typed/guid/{_ID.replace('-', '')}", "typed_guid"),
    _by("guid: braces", f"/typed/guid/%7B{_ID}%7D", "typed_guid", route_id=f"{{{_ID}}}"),
    _by("guid: parentheses", f"/typed/guid/({_ID})", "typed_guid"),
    _by(
        "guid: hexadecimal",
        f"/typed/guid/{{0x00112233,0x4455,0x6677,{_BYTES}}}",
        "typed_guid",
    ),
    _by("no guid goes on to the next", "/typed/guid/summary", "typed_unfit"),
    _by("regex", "/typed/regex/aa", "typed_regex"),
    _by("what a regex does not take goes on", "/typed/regex/aaa", "typed_unfit"),
    _by("the next function has the method", "/method", "method_patch", "PATCH"),
    _refused("no function has the method", "/method", 404, "DELETE"),
    _refused("HEAD is not among the methods", "/method", 404, "HEAD"),
    _refused("OPTIONS is not among the methods", "/method", 404, "OPTIONS"),
    _refused("TRACE is not among the methods", "/method", 404, "TRACE"),
    _refused("no route", "/nothing", 404),
    _by("capitals in a literal", "/METHOD", "method_get"),
    _by("a slash at the end", "/method/", "method_get"),
    _refused("two slashes at the start", "//method", 404),
    _refused("two slashes within", "/late//other", 404),
    _by("an escaped slash stays", "/echo/a%2Fb", "echo", route_value="a%2Fb"),
    _by("other escapes are decoded", "/echo/a%20%41", "echo", route_value="a A"),
    _by("an escape that is no UTF-8 stays", "/echo/%ff", "echo", route_value="%ff"),
    _by("what is no escape stays", "/echo/%zz", "echo", route_value="%zz"),
    _refused("an escaped NUL", "/echo/a%00", 400),
    _by("dot segments", "/echo/./x/../y", "echo", route_value="y"),
    _by("escaped dot segments", "/echo/x/%2e%2e/y", "echo", route_value="y"),
    _refused("a request line over 8 KB", f"/echo/{'x' * 8192}", 414),
    _refused("a request line over 1 MB", f"/echo/{'x' * _MEGABYTE}", 414),
    _by("a request line of nearly 8 KB", f"/echo/{'x' * 8000}", "echo"),
    _refused(
        "headers over 32 KB",
        "/echo/x",
        431,
        headers=tuple(f"X-{n}: {'x' * 4096}" for n in range(8)),
    ),
    _refused("a header that is not ASCII", "/echo/x", 400, headers=("X-Name: caf\xe9",)),
    _refused("the host's own addresses", "/admin/host/status", 401),
    _refused("the extensions' own addresses", "/runtime/webhooks/probes", 401),
]

REQUESTS = [
    Case(
        "a body with its length",
        "/echo/x",
        {"status": 200, "received": "hello"},
        "POST",
        ("Content-Length: 5",),
        b"hello",
    ),
    Case(
        "a body in chunks arrives empty, and only the header tells",
        "/echo/x",
        {"status": 200, "received": "", "headers transfer-encoding": "chunked"},
        "POST",
        ("Transfer-Encoding: chunked",),
        b"5\r\nhello\r\n0\r\n\r\n",
    ),
    Case(
        "a body over 100 MB",
        "/echo/x",
        {"status": 500, "body": ""},
        "POST",
        (f"Content-Length: {100 * _MEGABYTE + 1}",),
    ),
    Case(
        "a header sent twice",
        "/echo/x",
        {"status": 200, "headers x-twice": "one,two", "headers X-Twice": None},
        headers=("X-Twice: one", "x-twice: two"),
    ),
    _by("a parameter in two spellings", "/echo/x?Name=1&nAME=2", "echo", params={"Name": "1,2"}),
    _by("empty parameters", "/echo/x?a=&b&c=1", "echo", params={"c": "1"}),
    _by(
        "the address",
        "/echo/x?b=2&B=%20+&empty=",
        "echo",
        url="http://probes.example/echo/x?b=2&B=%20+&empty=",
    ),
]

ANSWERS = [
    *(
        Case(
            f"an answer without a body, {status}",
            f"/empty/{status}",
            {"status": status, "body": "", "header content-type": _TEXT},
        )
        for status in (200, 204, 304)
    ),
    Case(
        "an answer is sent in chunks",
        "/echo/x",
        {"status": 200, "header transfer-encoding": "chunked", "header content-length": None},
    ),
    Case("an answer of 200 MB", "/large/200", {"status": 200, "length": 200 * _MEGABYTE}),
]

CASES = [*ROUTES, *REQUESTS, *ANSWERS]
