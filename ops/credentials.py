"""The operator commands for credentials: what an MSP's partner app authenticates with."""

import argparse
from dataclasses import replace
from typing import Any
from uuid import uuid4

from adapters.clock import SystemClock
from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from core.transactions import decide_and_commit
from domain.audit import SYSTEM, Cause
from domain.identifiers import MspId, parse_guid
from domain.ports.msp_store import MspHead, MspStore
from domain.row_changes import Decision, Insert, Replace
from ops.command import head_of
from ops.onboarding import credential_name

_FEDERATED = "the service's managed identity"


def add_credential_options(command: Any, *, required: bool = True) -> None:
    """Add the options that choose a credential; if none is required, it is the MSP's own."""
    choice = command.add_mutually_exclusive_group(required=required)
    choice.add_argument(
        "--credential-secret", metavar="NAME", help="a certificate or client secret in Key Vault"
    )
    choice.add_argument(
        "--federated", action="store_true", help="the partner app trusts our managed identity"
    )


def add_credential_commands(commands: Any) -> None:
    """Add the commands to the parser."""
    change = commands.add_parser(
        "change-credential", help="change what a partner app authenticates with"
    )
    change.set_defaults(command=_change_credential)
    change.add_argument("--msp-id", required=True)
    add_credential_options(change)


async def _change_credential(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, Any]:
    msp_id = MspId(parse_guid(options.msp_id, "msp-id"))
    name = credential_name(options.credential_secret)
    cause = Cause(SYSTEM, SystemClock().now(), str(uuid4()))
    before = await change_credential(storage.msps, msp_id, name, cause)
    return {"before": before or _FEDERATED, "after": name or _FEDERATED}


async def change_credential(
    msps: MspStore, msp_id: MspId, name: str | None, cause: Cause
) -> str | None:
    """Change the secret of an MSP's partner app, or use none; return the previous one.

    Raises:
        NoSuchMsp: There is no such MSP.
    """
    return await decide_and_commit(
        lambda: head_of(msps, msp_id),
        lambda head: decide_credential(head, name, cause),
        msps.commit,
    )


def decide_credential(head: MspHead, name: str | None, cause: Cause) -> Decision[str | None]:
    """Decide to change the credential of the same partner app."""
    msp = head.msp.value
    before = msp.app.credential
    if before == name:
        return Decision(before)
    changed = replace(msp, app=replace(msp.app, credential=name))
    event = cause.event(
        msp.msp_id,
        "msp.credential_changed",
        before={"credential": before},
        after={"credential": name},
    )
    return Decision(before, (Replace(changed, head.msp.version), Insert(event)))
