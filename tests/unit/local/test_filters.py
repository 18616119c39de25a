"""`$filter` as Graph evaluates it."""

import pytest

from local.microsoft.answers import Refused
from local.microsoft.filters import parsed

DOCUMENT = {
    "name": "O'Neil",
    "count": 3,
    "flag": True,
    "at": "2026-05-01T00:00:00.1234567Z",
    "none": None,
    "nested": {"name": "x"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name eq 'o''neil'", True),
        ("name ne 'O''Neil'", False),
        ("count ge 3 and count lt 4", True),
        ("count gt 3 or flag eq true", True),
        ("not (flag eq true)", False),
        ("(count eq 1 or count eq 3) and nested/name eq 'x'", True),
        ("at ge 2026-05-01T00:00:00Z", True),
        ("at gt 2026-05-01T10:00:00+09:00", False),
        ("none eq null", True),
        ("none ge 1", False),
        ("missing/deep eq null", True),
        ("name in ('a', 'O''Neil')", True),
        ("startswith(name, 'o')", True),
        ("endsWith(name,'x')", None),
        ("name", None),
        ("name eq", None),
        ("name eq 'x' and", None),
        ("name like 'x'", None),
        ("name eq 'x", None),
        ("name gt 5", None),
    ],
)
def test_filters(text: str, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(Refused) as refused:
            parsed(text)(DOCUMENT)
        assert refused.value.answer.status == 400
    else:
        assert parsed(text)(DOCUMENT) is expected
