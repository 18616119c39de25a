"""The licences of the deployed packages, as the packages themselves declare them."""

import re
from importlib.metadata import metadata
from pathlib import Path

from release.package import ROOT

PAGE = ROOT / "docs" / "licences.md"
_NAME = re.compile(r"^([\w.-]+)==", re.MULTILINE)
_LONGEST = 60
_HEAD = """# Licences

The licences of the deployed packages, as each package declares it. `make licences` writes this
page, and a test checks it.
The fonts of the invoices, in `adapters/invoice_pdf/fonts`, come with their own licence.

| package | licence |
|---|---|
"""


def page(requirements: Path = ROOT / "requirements.txt") -> str:
    """Return the page; every package must be installed."""
    names = _NAME.findall(requirements.read_text())
    return _HEAD + "".join(f"| {name} | {licence(name)} |\n" for name in names)


def licence(name: str) -> str:
    """Return a package's licence: its SPDX expression, else its short name, else its classifiers.

    Raises:
        LookupError: The package declares no licence.
    """
    declared = metadata(name)
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in declared.get_all("Classifier") or ()
        if text.startswith("License ::")
    ]
    for text in (declared.get("License-Expression"), declared.get("License"), *classifiers):
        if text and len(text) <= _LONGEST and "\n" not in text:
            return str(text)
    raise LookupError(f"{name} declares no licence")
