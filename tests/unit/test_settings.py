from pathlib import Path

from pydantic_core import PydanticUndefined

from settings import Settings

README = Path(__file__).parents[2] / "README.md"


def table() -> str:
    """Return the README's table as the settings model has it."""
    lines = []
    for name, field in Settings.model_fields.items():
        required = field.default is PydanticUndefined
        shown = "required" if required else "" if field.default in (None, "") else field.default
        lines.append(f"| `{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines)


def test_the_readmes_settings_are_the_models() -> None:
    text = README.read_text()
    written = text.partition("<!-- settings -->\n")[2].partition("\n<!-- /settings -->")[0]
    assert written == table()
