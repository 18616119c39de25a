"""The composition root passes by keyword: ports of the same type cannot be swapped unseen."""

import ast
from pathlib import Path

import pytest

WIRING = sorted((Path(__file__).parents[2] / "wiring").glob("*.py"))


def by_position(source: str) -> list[int]:
    """Return the lines on which a class gets several arguments, not all by keyword."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id[0].isupper()
        and node.args
        and len(node.args) + len(node.keywords) > 1
    ]


@pytest.mark.parametrize("path", WIRING, ids=lambda path: path.name)
def test_what_is_built_gets_its_parts_by_keyword(path: Path) -> None:
    assert by_position(path.read_text()) == []


def test_an_argument_by_position_is_found() -> None:
    assert by_position("A(x)\nB(x, y)\nC(x, y=z)\nD(x=1, y=2)\nf(x, y)\n") == [2, 3]
