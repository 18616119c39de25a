"""The app settings in Bicep match the settings model, in both directions."""

from typing import Any

import pytest

from settings import Settings
from tests.infra.bicep import defaults, parameter_file, read, variable

# Settings of the Functions host, the telemetry exporter and azure-identity.
PLATFORM = {
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "AZURE_TOKEN_CREDENTIALS",
}
LOCAL = {
    name.upper()
    for name, field in Settings.model_fields.items()
    if (field.description or "").endswith("local development.")
}


def grouped() -> list[str]:
    """Return the parameters of main.bicep that hold settings."""
    others = read("main.bicep")["modules"]["functionApp"]["config"]["params"]["otherSettings"]
    assert others["function"]["type"] == "union"
    return list(others["function"]["parameters"].values())


def test_every_app_setting_in_bicep_is_in_the_model_and_the_other_way_round() -> None:
    in_groups = {name for group in grouped() for name in defaults()[group]}
    in_bicep = set(variable("functionApp", "appSettings")) | in_groups
    in_model = {name.upper() for name in Settings.model_fields}
    assert {"STORAGE_CONNECTION_STRING", "SECRETS_DIR", "TELEMETRY_CONSOLE"} == LOCAL
    assert in_bicep == in_model - LOCAL


def test_the_platforms_own_settings_are_these() -> None:
    assert set(variable("functionApp", "platformSettings")) == PLATFORM


def test_no_setting_is_set_twice() -> None:
    groups = [set(variable("functionApp", "appSettings")), *(set(defaults()[g]) for g in grouped())]
    assert sum(map(len, groups)) == len(set().union(*groups))


def test_bicep_sets_what_the_model_has_by_default() -> None:
    set_by_default = {name: value for g in grouped() for name, value in defaults()[g].items()}
    for name, value in set_by_default.items():
        field = Settings.model_fields[name.lower()]
        if not field.is_required():
            assert value == f"{field.default}", name


@pytest.mark.parametrize("end", ["/", ""])
def test_the_authority_ends_without_a_slash_however_the_cloud_writes_it(end: str) -> None:
    clouds = defaults(f"https://login.microsoftonline.us{end}")["clouds"]
    assert clouds["ENTRA_AUTHORITY"] == "https://login.microsoftonline.us"


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_what_an_environment_sets_is_valid(environment: str) -> None:
    given = {**defaults(), **parameter_file(environment)}
    values: dict[str, Any] = {}
    for group in grouped():
        values |= {name.lower(): value for name, value in given[group].items()}
    others = {
        "api_audience": "a",
        "portal_url": "b",
        "consent_redirect_uri": "c",
        "page_token_key": "k" * 32,
    }
    settings = Settings.model_validate({**others, **values})
    schedules = [getattr(settings, name.lower()) for name in given["schedules"]]
    assert len(schedules) == 4
    assert all(len(schedule.split()) == 6 for schedule in schedules)


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_an_environment_sets_every_parameter_that_it_must_and_no_unknown_one(
    environment: str,
) -> None:
    given, known = parameter_file(environment), defaults()
    assert given["environmentName"] == environment
    assert given.keys() <= known.keys()
    assert {name for name, default in known.items() if default is None} <= given.keys()


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_group_of_settings_is_set_whole(environment: str) -> None:
    given = parameter_file(environment)
    for group in grouped():
        assert given.get(group, defaults()[group]).keys() == defaults()[group].keys(), group
