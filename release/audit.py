"""Known vulnerabilities of the locked packages, queried from the package registries.

If a registry does not respond, this is printed and the check continues. A finding fails it.
"""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from release.package import ROOT

_PIP_AUDIT = ROOT / ".venv-supply" / "bin" / "pip-audit"
_SECONDS = 60


class NoAnswer(Exception):
    """The registry does not respond; the text says how."""


def python_findings(answer: str) -> list[str]:
    """Return what pip-audit found.

    Raises:
        NoAnswer: It has no data on some of the packages, or produced no report at all.
    """
    dependencies = _report(answer).get("dependencies", [])
    found = [
        f"{one['name']} {one['version']}: {finding['id']}"
        for one in dependencies
        for finding in one.get("vulns", ())
    ]
    unknown = [one["name"] for one in dependencies if "skip_reason" in one]
    if not found and (unknown or not dependencies):
        raise NoAnswer(f"nothing is known of {len(unknown)} of {len(dependencies)} packages")
    return found


def npm_findings(answer: str) -> list[str]:
    """Return what `npm audit` found.

    Raises:
        NoAnswer: The registry refuses audits, or is unreachable.
    """
    report = _report(answer)
    if "vulnerabilities" not in report:
        raise NoAnswer("the registry takes no audits")
    return [f"{name}: {one['severity']}" for name, one in report["vulnerabilities"].items()]


def _report(answer: str) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(answer)
    except ValueError:
        raise NoAnswer("the registry is out of reach") from None
    return report


def _python(requirements: str) -> list[str]:
    options = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "-f", "json")
    command = [str(_PIP_AUDIT), *options, "-r", requirements]
    return python_findings(_answer(command))


def _npm() -> list[str]:
    return npm_findings(_answer(["npm", "audit", "--prefix", "local", "--json"]))


def _answer(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoAnswer("the registry takes too long") from None
    if not done.stdout:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise NoAnswer(f"there is no report; {command[0].rpartition('/')[2]} said: {said[-1]}")
    return done.stdout


def audits() -> Iterator[tuple[str, list[str] | NoAnswer]]:
    """Yield each lock file with its findings."""
    for requirements in ("requirements.txt", "requirements-dev.txt"):
        try:
            yield requirements, _python(requirements)
        except NoAnswer as error:
            yield requirements, error
    try:
        yield "local/package-lock.json", _npm()
    except NoAnswer as error:
        yield "local/package-lock.json", error


def audit() -> int:
    """Print the result for each lock file; return 1 if there is a finding."""
    failed = False
    for locked, known in audits():
        if isinstance(known, NoAnswer):
            print(f"{locked}: not audited, {known}")
            continue
        failed = failed or bool(known)
        print(f"{locked}: {', '.join(known) or 'nothing known against it'}")
    return 1 if failed else 0
