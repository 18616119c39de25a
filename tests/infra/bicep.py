"""The Bicep files, parsed by pycep."""

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
    """Return pycep's parse of a file, by its path in `infra/`."""
    return dict(BicepParser().parse(file_path=INFRA / path))


def module(name: str) -> dict[str, Any]:
    """Return a module."""
    return read(f"modules/{name}.bicep")


def variable(module_name: str, name: str) -> Any:
    """Return a module's variable."""
    return unquoted(module(module_name)["variables"][name]["value"])


def defaults(login_endpoint: str = LOGIN_ENDPOINT) -> dict[str, Any]:
    """Return the default of each parameter of `main.bicep`, or None if it has none."""
    parameters = read("main.bicep")["parameters"]
    return {
        name: _deployed(unquoted(one["default"]), login_endpoint)
        for name, one in parameters.items()
    }


@cache
def parameter_file(name: str) -> dict[str, Any]:
    """Return the values in a parameter file. pycep parses variables, which have the same syntax."""
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
    """Remove the quotes that pycep leaves on keys."""
    if isinstance(value, dict):
        return {key.strip("'"): unquoted(one) for key, one in value.items()}
    return value


def _deployed(value: Any, login_endpoint: str) -> Any:
    """Replace the only expression in the settings with its value in a deployment."""
    if isinstance(value, dict):
        return {key: _deployed(one, login_endpoint) for key, one in value.items()}
    if isinstance(value, str):
        return _PART_OF_IT.sub(lambda found: login_endpoint.split(found[1])[int(found[2])], value)
    return value
