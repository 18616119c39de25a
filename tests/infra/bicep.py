"""The Bicep files, read by pycep."""

import re
from functools import cache
from typing import Any

from pycep import BicepParser

from tests.simulation import ROOT

INFRA = ROOT / "infra"
# What `environment().authentication.loginEndpoint` is in global Azure:
# https://github.com/MicrosoftDocs/azure-docs/pull/85416
LOGIN_ENDPOINT = "https://login.microsoftonline.com/"
_PART_OF_IT = re.compile(
    r"\$\{split\(environment\(\)\.authentication\.loginEndpoint, '(.)'\)\[(\d)\]\}"
)
MODULES = sorted(path.stem for path in (INFRA / "modules").glob("*.bicep"))


@cache
def read(path: str) -> dict[str, Any]:
    """Return what pycep makes of a file, by its path in `infra/`."""
    return dict(BicepParser().parse(file_path=INFRA / path))


def module(name: str) -> dict[str, Any]:
    """Return a module."""
    return read(f"modules/{name}.bicep")


def variable(module_name: str, name: str) -> Any:
    """Return a module's variable."""
    return unquoted(module(module_name)["variables"][name]["value"])


def defaults(login_endpoint: str = LOGIN_ENDPOINT) -> dict[str, Any]:
    """Return the default of each parameter of `main.bicep`; None for those that have none."""
    parameters = read("main.bicep")["parameters"]
    return {
        name: _deployed(unquoted(one["default"]), login_endpoint)
        for name, one in parameters.items()
    }


@cache
def parameter_file(name: str) -> dict[str, Any]:
    """Return what a parameter file sets. pycep knows variables, and those look the same."""
    text = (INFRA / f"main.{name}.bicepparam").read_text()
    used, _, rest = text.partition("\n")
    assert used == "using 'main.bicep'"
    variables = BicepParser().parse(text=re.sub(r"^param ", "var ", rest, flags=re.MULTILINE))
    return {name: unquoted(one["value"]) for name, one in variables["variables"].items()}


def resources(module_name: str, kind: str) -> dict[str, Any]:
    """Return a module's resources of a type."""
    found = module(module_name).get("resources", {})
    return {name: one["config"] for name, one in found.items() if one["type"] == kind}


def unquoted(value: Any) -> Any:
    """Take away the quotes that pycep leaves on keys."""
    if isinstance(value, dict):
        return {key.strip("'"): unquoted(one) for key, one in value.items()}
    return value


def _deployed(value: Any, login_endpoint: str) -> Any:
    """Put in what a deployment does, of the one expression that the settings have."""
    if isinstance(value, dict):
        return {key: _deployed(one, login_endpoint) for key, one in value.items()}
    if isinstance(value, str):
        return _PART_OF_IT.sub(lambda found: login_endpoint.split(found[1])[int(found[2])], value)
    return value
