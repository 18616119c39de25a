"""The operator commands for backups: export and import."""

import argparse
from pathlib import Path
from typing import Any

from adapters.clock import SystemClock
from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from ops.backup.export import export
from ops.backup.folder import BackupFolder, Progress
from ops.backup.restore import restore


def add_backup_commands(commands: Any) -> None:
    """Add the commands to the parser."""
    outward = commands.add_parser("export", help="write all tables to a folder; may be repeated")
    outward.set_defaults(command=_export)
    outward.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    inward = commands.add_parser(
        "import", help="write an export into an empty store; may be repeated"
    )
    inward.set_defaults(command=_import)
    # `from` is a Python keyword.
    inward.add_argument("--from", type=Path, required=True, metavar="FOLDER", dest="folder")


async def _export(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, Any]:
    return _report(await export(storage, BackupFolder(options.to), SystemClock()))


async def _import(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, Any]:
    return _report(await restore(storage, BackupFolder(options.folder), SystemClock()))


def _report(progress: Progress) -> dict[str, Any]:
    rows = {name: contents.rows for name, contents in progress.tables.items()}
    return {
        "startedAt": progress.started_at,
        "finishedAt": progress.finished_at,
        "tables": rows,
        "rows": sum(rows.values()),
    }
