"""The command line of `python -m ops`."""

import argparse
import asyncio
import json
import sys
from typing import Any, NoReturn, override
from uuid import uuid4

from azure.core.exceptions import AzureError
from pydantic import ValidationError

from adapters.clock import SystemClock
from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from domain.audit import SYSTEM, Cause
from domain.errors import DomainError, MalformedInput, NoSuchMsp
from domain.identifiers import MspId, parse_guid
from ops.app_manifest import app_manifest
from ops.backup.commands import add_backup_commands
from ops.backup.restore import RestoreDiffers, StoreNotEmpty
from ops.billing import add_billing_commands
from ops.command import Command, cents, check_text
from ops.credentials import add_credential_commands, add_credential_options
from ops.deletion import DeletionPorts, InvoicesUnpaid, delete_msp
from ops.onboarding import Application, Owner, check, onboard
from ops.staff import add_staff_commands
from settings import SettingMissing, StorageSettings
from wiring import open_documents, open_queues, open_storage


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, 1 when it was refused or differs, 2 when it could not be begun.

    That is: a malformed option or setting, or a file that cannot be read or written. Whatever is
    wrong is one line on the error output.
    """
    options = _parser().parse_args(arguments)
    try:
        check_text(options)
        result = app_manifest() if options.command is None else asyncio.run(_run(options))
    except (AzureError, TimeoutError, ConnectionError) as error:
        print(f"storage: {type(error).__name__}", file=sys.stderr)
        return 1
    except (MalformedInput, ValidationError, SettingMissing, OSError, EOFError) as error:
        print(_what_to_mend(error), file=sys.stderr)
        return 2
    except (DomainError, InvoicesUnpaid, NoSuchMsp, RestoreDiffers, StoreNotEmpty) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(result, ensure_ascii=False))
    return 1 if result.get("differences") else 0


def _what_to_mend(error: Exception) -> str:
    """Return which option, setting or file is at fault; never what a setting holds."""
    match error:
        case MalformedInput():
            return f"--{error}"
        case ValidationError():
            names = sorted({".".join(map(str, one["loc"])).upper() for one in error.errors()})
            return f"set or mend {', '.join(names)}"
        case OSError():
            return f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}"
        case EOFError():
            return "--name must be given where nobody can be asked"
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


async def _onboard_msp(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, str]:
    application = Application(
        name=options.name,
        country=options.country,
        abn=options.abn,
        tier=options.tier,
        agreed_price_cents=cents(options.agreed_price),
        time_zone=options.time_zone,
        client_id=options.partner_app_client_id,
        app_tenant_id=options.partner_app_tenant_id,
        credential=options.credential_secret,
        service_account=options.service_account_secret,
        security_groups=tuple(options.security_group),
        msp_id=options.msp_id,
        annual_prepay=options.annual_prepay,
        billing_email=options.billing_email,
    )
    msp = check(application, SystemClock().now())
    owner = Owner(options.owner_tid, options.owner_oid, options.owner_name)
    await onboard(storage.msps, storage.staff_index, msp, owner)
    return {"mspId": msp.msp_id}


async def _delete_msp(
    options: argparse.Namespace, storage: Storage, queues: StorageQueues
) -> dict[str, str]:
    msp_id = MspId(parse_guid(options.msp_id, "msp-id"))
    name = options.name or await asyncio.to_thread(input, "Type the MSP's name to delete it: ")
    ports = DeletionPorts(storage.msps, storage.staff_index, storage.pending_work, queues)
    cause = Cause(SYSTEM, SystemClock().now(), str(uuid4()))
    deleted = await delete_msp(ports, msp_id, name, cause)
    return {
        "mspId": msp_id,
        "tenants": str(deleted.tenants),
        "staff": str(deleted.staff),
        "secretsToDelete": ", ".join(deleted.secrets),
    }


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage before it: `--help` has that."""

    @override
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m ops", description=__doc__)
    commands = parser.add_subparsers(required=True)
    create = commands.add_parser("create-storage", help="create tables, queues and container")
    create.set_defaults(command=_create_storage)
    manifest = commands.add_parser("app-manifest", help="print what a partner app asks of Graph")
    manifest.set_defaults(command=None)  # It needs no storage.
    msp = commands.add_parser("onboard-msp", help="add an MSP and its first owner")
    msp.set_defaults(command=_onboard_msp)
    for option in (
        "name",
        "country",
        "tier",
        "partner-app-client-id",
        "partner-app-tenant-id",
        "service-account-secret",
        "owner-tid",
        "owner-oid",
        "owner-name",
    ):
        msp.add_argument(f"--{option}", required=True)
    add_credential_options(msp)
    msp.add_argument(
        "--security-group",
        action="append",
        default=[],
        metavar="ID[=ROLE,ROLE…]",
        help="a group that gets access to customers, with all roles by default; may be repeated",
    )
    msp.add_argument("--abn", help="Australian Business Number; required in Australia")
    msp.add_argument("--agreed-price", help="AUD per tenant and month, for enterprise_plus")
    msp.add_argument("--time-zone", default="Australia/Sydney", help="IANA name")
    msp.add_argument("--msp-id", help="a GUID; a new one by default")
    msp.add_argument("--annual-prepay", action="store_true", help="the year is paid ahead")
    msp.add_argument("--billing-email", help="where notices about invoices go")
    delete = commands.add_parser("delete-msp", help="delete an MSP; may be repeated")
    delete.set_defaults(command=_delete_msp)
    delete.add_argument("--msp-id", required=True)
    delete.add_argument("--name", help="the MSP's name; asked for when it is left out")
    add_staff_commands(commands)
    add_billing_commands(commands)
    add_credential_commands(commands)
    add_backup_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
