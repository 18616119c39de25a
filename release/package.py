"""The package for Azure: the files that `.funcignore` does not exclude, with their bytecode."""

import compileall
import os
import py_compile
import shutil
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from pathspec import GitIgnoreSpec

ROOT = Path(__file__).parent.parent
# A fixed time, so that the same files always make the same package.
_THE_SAME_TIME = (1980, 1, 1, 0, 0, 0)


def packaged_files(root: Path = ROOT) -> list[Path]:
    """Return the files of the package, relative to the root, in order.

    `.funcignore` follows git's rules. Bytecode is left out here: it is compiled again.
    """
    ignored = GitIgnoreSpec.from_lines((root / ".funcignore").read_text().splitlines())
    return sorted(_kept(root, Path(), ignored))


def _kept(root: Path, folder: Path, ignored: GitIgnoreSpec) -> Iterator[Path]:
    for entry in os.scandir(root / folder):
        path = folder / entry.name
        if entry.name == "__pycache__" or _matches(ignored, path, is_folder=entry.is_dir()):
            continue
        if entry.is_dir():
            yield from _kept(root, path, ignored)
        else:
            yield path


def _matches(ignored: GitIgnoreSpec, path: Path, *, is_folder: bool) -> bool:
    return ignored.match_file(f"{path}/" if is_folder else str(path))


def lay_out(folder: Path, root: Path = ROOT) -> None:
    """Put the package's files into a folder, with bytecode.

    A package is mounted read-only, so Python could not write bytecode later. The bytecode is
    checked by hash, because the files' modification times are not preserved.
    """
    for path in packaged_files(root):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, folder / path)
    checked = py_compile.PycInvalidationMode.CHECKED_HASH
    compileall.compile_dir(folder, quiet=1, stripdir=folder, invalidation_mode=checked)


def pack(folder: Path, package: Path) -> None:
    """Zip a folder reproducibly."""
    package.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(package, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = ZipInfo(str(path.relative_to(folder)), _THE_SAME_TIME)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), ZIP_DEFLATED)
