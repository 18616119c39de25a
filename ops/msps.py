"""Operators' commands of MSPs: onboarding and deletion."""

import argparse
import asyncio
from typing import Any
from uuid import uuid4

from adapters.clock import SystemClock
from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from domain.audit import SYSTEM, Cause
from domain.identifiers import MspId, parse_guid
from ops.command import cents
from ops.credentials import add_credential_options
from ops.deletion import DeletionPorts, delete_msp
from ops.onboarding import Application, Owner, check, onboard

_REQUIRED = (
    "name",
    "country",
    "tier",
    "partner-app-client-id",
    "partner-app-tenant-id",
    "service-account-secret",
    "owner-tid",
    "owner-oid",
    "owner-name",
)


def add_msp_commands(commands: Any) -> None:
    """Add the commands to the parser's."""
    _add_onboarding(commands)
    delete = commands.add_parser("delete-msp", help="delete an MSP; may be repeated")
    delete.set_defaults(command=_delete_msp)
    delete.add_argument("--msp-id", required=True)
    delete.add_argument("--name", help="the MSP's name; asked for when it is left out")


def _add_onboarding(commands: Any) -> None:
    msp = commands.add_parser("onboard-msp", help="add an MSP and its first owner")
    msp.set_defaults(command=_onboard_msp)
    for option in _REQUIRED:
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
    ports = DeletionPorts(
        msps=storage.msps,
        pending_work=storage.pending_work,
        queues=queues,
        staff_index=storage.staff_index,
    )
    cause = Cause(SYSTEM, SystemClock().now(), str(uuid4()))
    deleted = await delete_msp(ports, msp_id, name, cause)
    return {
        "mspId": msp_id,
        "tenants": str(deleted.tenants),
        "staff": str(deleted.staff),
        "secretsToDelete": ", ".join(deleted.secrets),
    }
