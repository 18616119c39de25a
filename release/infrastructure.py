"""Compiles and lints the Bicep files with Microsoft's own compiler, if it is installed.

The compiler comes with the Azure CLI, not from a package registry. If it is missing, this is
printed, and only `tests/infra` and checkov check the files.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from release.package import ROOT

INFRA = ROOT / "infra"
# `file(line,column) : Info rule: text`, the only level that requires no action.
_NOTE = re.compile(r"\(\d+,\d+\) : Info ")


def _commands() -> Iterator[tuple[str, ...]]:
    """Yield the arguments of each call; the output goes to standard output, not to a file."""
    yield "build", "--stdout", str(INFRA / "main.bicep")
    yield "lint", str(INFRA / "main.bicep")
    for parameters in sorted(INFRA.glob("*.bicepparam")):
        yield "build-params", "--stdout", str(parameters)


def _complaints(bicep: str, arguments: tuple[str, ...]) -> list[str]:
    """Return the warnings and errors of a call.

    Bicep exits with 0 despite warnings, so its standard error is read instead.
    """
    done = subprocess.run([bicep, *arguments], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if line.strip() and not _NOTE.search(line)]
    if done.returncode and not said:
        name = Path(arguments[-1]).name
        return [f"bicep {arguments[0]} {name}: exit status {done.returncode}"]
    return said


def compile_infrastructure() -> int:
    """Compile and lint `infra/`; return 1 if Bicep reports a warning or an error."""
    named = os.environ.get("BICEP")
    bicep = shutil.which(named or "bicep")
    if bicep is None:
        if named:
            print(f"infra/: BICEP names {named}, which cannot be run")
            return 1
        print("infra/: not compiled, there is no bicep on the PATH and BICEP names none")
        return 0
    # Each call reads main.bicep, and so repeats its findings.
    complaints = dict.fromkeys(
        line for arguments in _commands() for line in _complaints(bicep, arguments)
    )
    print(*(complaints or ["infra/: compiled and linted, nothing to complain of"]), sep="\n")
    return 1 if complaints else 0
