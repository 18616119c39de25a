"""The folder of a backup: one compressed file per table, and a record of their content.

A file is JSON lines in gzip, page after page; an incomplete page is truncated. `progress.json`
records what is complete, and becomes `manifest.json` with the last page: a folder without a
manifest is not a backup.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from domain.errors import MalformedInput

FORMAT = 2
_PRIVATE = 0o700


@dataclass(slots=True)
class Contents:
    """One table's file.

    Args:
        size: Number of complete bytes; anything after them is an incomplete page.
        sha256: Of the whole file, once the table is complete.
        position: Where the next page starts, or the partition that was written last.
    """

    rows: int = 0
    size: int = 0
    sha256: str | None = None
    position: Any = None


@dataclass(slots=True)
class Progress:
    """How far a backup is; a complete backup's progress is its manifest.

    Args:
        started_at: RFC 3339; changes made before it are in the backup.
    """

    started_at: str
    finished_at: str | None = None
    format: int = FORMAT
    tables: dict[str, Contents] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `write` wrote."""
        known = json.loads(text)
        tables = {name: Contents(**contents) for name, contents in known.pop("tables").items()}
        return cls(**known, tables=tables)

    def write(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=2)


class BackupFolder:
    """The folder, readable only by its owner: it holds people's names and addresses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def _progress(self) -> Path:
        return self._folder / "progress.json"

    @property
    def _new(self) -> Path:
        return self._folder / "progress.new"

    @property
    def _manifest(self) -> Path:
        return self._folder / "manifest.json"

    def begin(self, now: str) -> Progress:
        """Return the progress of an interrupted export, or of a new one.

        Raises:
            MalformedInput: The folder holds something else, or a complete backup.
        """
        self._folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        if self._progress.exists():
            return Progress.read(self._progress.read_text())
        if any(path != self._new for path in self._folder.iterdir()):
            raise MalformedInput("to", "must be an empty folder, or one of an export cut off")
        self._folder.chmod(_PRIVATE)  # It may have existed, readable by others.
        progress = Progress(now)
        self.keep(progress)
        return progress

    def append(self, table: str, contents: Contents, lines: list[str]) -> None:
        """Append a page after the complete bytes; it is durable when this returns."""
        page = gzip.compress("".join(line + "\n" for line in lines).encode(), 6) if lines else b""
        path = self.file(table)
        with path.open("r+b" if path.exists() else "wb") as file:
            file.truncate(contents.size)
            file.seek(contents.size)
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        contents.rows += len(lines)
        contents.size += len(page)

    def complete(self, table: str, contents: Contents) -> None:
        """Record that a table is complete."""
        contents.sha256, contents.position = self._sha256(table), None

    def keep(self, progress: Progress) -> None:
        """Record how far the export is, atomically."""
        with self._new.open("w") as file:
            file.write(progress.write())
            file.flush()
            os.fsync(file.fileno())
        self._new.replace(self._progress)

    def finish(self, progress: Progress) -> None:
        """Turn the progress into the manifest."""
        self.keep(progress)
        self._progress.replace(self._manifest)

    def check(self) -> tuple[str, Progress]:
        """Return the digest of a complete backup's manifest, and the manifest itself.

        Raises:
            MalformedInput: It is no backup, is incomplete, or has been damaged.
        """
        try:
            text = self._manifest.read_text()
            progress = Progress.read(text)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            raise MalformedInput("from", "has no manifest: it is no complete backup") from None
        if progress.format != FORMAT:
            raise MalformedInput("from", "is a backup of another format")
        for table, contents in progress.tables.items():
            if not self.file(table).exists() or self._sha256(table) != contents.sha256:
                raise MalformedInput("from", f"is damaged: {table} is not as it was written")
        return hashlib.sha256(text.encode()).hexdigest(), progress

    def lines(self, table: str) -> Iterator[str]:
        """Yield a table's rows."""
        with gzip.open(self.file(table), "rt", encoding="utf-8", newline="\n") as file:
            for line in file:
                yield line.rstrip("\n")

    def file(self, table: str) -> Path:
        """Return the file of a table."""
        return self._folder / f"{table}.jsonl.gz"

    def _sha256(self, table: str) -> str:
        with self.file(table).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
