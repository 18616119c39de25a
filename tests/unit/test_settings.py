from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from settings import Settings

README = Path(__file__).parents[2] / "README.md"
SAMPLES = {"api_audience": "an audience", "page_token_key": "k" * 32}


def table() -> str:
    """Return the README's table, generated from the settings model."""
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


def test_settings_are_variables_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, SYNC_INTERVAL_HOURS="2.5")
    settings = Settings.from_environment()
    assert settings.api_audience == "an audience"
    assert settings.sync_interval_hours == 2.5
    assert settings.staff_cache_seconds == 30


def test_a_setting_that_is_missing_or_malformed_is_named_without_a_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _set(monkeypatch, SYNC_INTERVAL_HOURS="a secret")
    monkeypatch.delenv("PORTAL_URL")
    with pytest.raises(ValidationError) as raised:
        Settings.from_environment()
    assert "portal_url" in str(raised.value)
    assert "sync_interval_hours" in str(raised.value)
    assert "a secret" not in str(raised.value)


def _set(monkeypatch: pytest.MonkeyPatch, **given: str) -> None:
    for name, field in Settings.model_fields.items():
        monkeypatch.delenv(name.upper(), raising=False)
        if field.default is PydanticUndefined:
            monkeypatch.setenv(name.upper(), SAMPLES.get(name, "text"))
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
