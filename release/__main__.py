"""The command line of `python -m release`."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from release.audit import audit
from release.infrastructure import compile_infrastructure
from release.licences import PAGE, page
from release.package import ROOT, lay_out, pack
from release.proof import prove

PACKAGE = ROOT / "dist" / "app.zip"
_MB = 1_000_000


def _package() -> int:
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        pack(Path(folder), PACKAGE)
    print(f"{PACKAGE.relative_to(ROOT)}: {PACKAGE.stat().st_size / _MB:.2f} MB")
    return 0


def _prove() -> int:
    with tempfile.TemporaryDirectory() as folder:
        proved = asyncio.run(prove(PACKAGE, Path(folder)))
    print(f"package      {proved.package_bytes / _MB:.2f} MB, {proved.files} files")
    print(f"requirements {proved.installed_bytes / _MB:.1f} MB installed, without bytecode")
    print(f"worker       {proved.functions} functions indexed")
    print(f"/health      {proved.health}")
    return 0 if proved.health == {"status": "ok", "storage": "ok"} else 1


def _licences() -> int:
    PAGE.write_text(page())
    return 0


_COMMANDS: dict[str, tuple[Callable[[], int], str]] = {
    "package": (_package, "write dist/app.zip, the package for Azure"),
    "prove": (_prove, "test dist/app.zip in an empty environment"),
    "infra": (compile_infrastructure, "compile and lint infra/ if Bicep is installed"),
    "audit": (audit, "query the registries for known vulnerabilities"),
    "licences": (_licences, "write docs/licences.md"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, (command, help_) in _COMMANDS.items():
        commands.add_parser(name, help=help_).set_defaults(command=command)
    options = parser.parse_args(arguments)
    return int(options.command())


if __name__ == "__main__":
    sys.exit(main())
