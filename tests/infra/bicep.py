"""The Bicep files, read by pycep."""

import re
from functools import cache
from typing import Any

from pycep import BicepParser

from tests.simulation import ROOT

INFRA = ROOT / "infra"
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


def defaults() -> dict[str, Any]:
    """Return the default of each parameter of `main.bicep`; None for those that have none."""
    parameters = read("main.bicep")["parameters"]
    return {name: unquoted(one["default"]) for name, one in parameters.items()}


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
