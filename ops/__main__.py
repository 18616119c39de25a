"""The command line of `python -m ops`."""

import argparse
import asyncio
import json
import sys
from typing import Any, NoReturn, override

from azure.core.exceptions import AzureError
from pydantic import ValidationError

from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from domain.errors import DomainError, MalformedInput, NoSuchMsp
from ops.app_manifest import add_capability_option, app_manifest, chosen_capabilities
from ops.backup.commands import add_backup_commands
from ops.backup.restore import RestoreDiffers, StoreNotEmpty
from ops.billing import add_billing_commands
from ops.command import Command, check_text
from ops.credentials import add_credential_commands
from ops.customers import add_customer_commands
from ops.deletion import InvoicesUnpaid
from ops.microsoft import add_microsoft_commands
from ops.msps import add_msp_commands
from ops.staff import add_staff_commands
from settings import SettingMissing, StorageSettings
from wiring.services import open_documents, open_queues, open_storage


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0 on success, 1 if it was refused or found differences, or 2.

    The code 2 means that the command could not start: an option or a setting is malformed, or a
    file cannot be read or written. Every error is one line on standard error.
    """
    options = _parser().parse_args(arguments)
    try:
        check_text(options)
        result = asyncio.run(_run(options)) if options.command else _app_manifest(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1
    except (AzureError, TimeoutError, ConnectionError) as error:
        print(f"storage: {type(error).__name__}", file=sys.stderr)
        return 1
    except (MalformedInput, ValidationError, SettingMissing, OSError) as error:
        print(_what_to_mend(error), file=sys.stderr)
        return 2
    except (DomainError, InvoicesUnpaid, NoSuchMsp, RestoreDiffers, StoreNotEmpty) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(result, ensure_ascii=False))
    return 1 if result.get("differences") else 0


def _app_manifest(options: argparse.Namespace) -> dict[str, Any]:
    return dict(app_manifest(chosen_capabilities(options.capability)))


def _what_to_mend(error: Exception) -> str:
    """Return which option, setting or file is wrong, but never the value of a setting."""
    match error:
        case MalformedInput():
            return f"--{error}"
        case ValidationError():
            names = sorted({".".join(map(str, one["loc"])).upper() for one in error.errors()})
            return f"set or mend {', '.join(names)}"
        case OSError():
            return f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}"
    return str(error)


async def _run(options: argparse.Namespace) -> dict[str, Any]:
    settings = StorageSettings.from_environment()
    try:
        storage, queues = open_storage(settings), open_queues(settings)
    except ValueError:
        raise SettingMissing("set or mend STORAGE_CONNECTION_STRING") from None
    command: Command = options.command
    try:
        return await command(options, storage, queues)
    finally:
        await asyncio.gather(storage.close(), queues.close())


async def _create_storage(
    _options: argparse.Namespace, storage: Storage, queues: StorageQueues
) -> dict[str, str]:
    documents = open_documents(StorageSettings.from_environment())
    try:
        await asyncio.gather(
            storage.create_tables(), queues.create_queues(), documents.create_container()
        )
    finally:
        await documents.close()
    return {"storage": "created"}


class _Parser(argparse.ArgumentParser):
    """Reports an error in one line, without the usage, which `--help` shows."""

    @override
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m ops", description=__doc__)
    commands = parser.add_subparsers(required=True)
    create = commands.add_parser(
        "create-storage", help="create the tables, the queues and the container"
    )
    create.set_defaults(command=_create_storage)
    manifest = commands.add_parser(
        "app-manifest", help="print the Graph permissions that a partner app needs"
    )
    manifest.set_defaults(command=None)  # It needs no storage.
    add_capability_option(manifest)
    add_msp_commands(commands)
    add_staff_commands(commands)
    add_billing_commands(commands)
    add_credential_commands(commands)
    add_customer_commands(commands)
    add_microsoft_commands(commands)
    add_backup_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
