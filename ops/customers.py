"""The operator commands for customers' consents: what they consent to, and how far they are."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from adapters.clock import SystemClock
from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from core.capabilities import CAPABILITIES, READING
from core.customer_grants import customer_grants
from core.transactions import decide_and_commit
from domain.audit import SYSTEM, Cause
from domain.customer_consent import needs_consent
from domain.identifiers import MspId, parse_guid
from domain.ports.msp_store import MspHead, MspStore
from domain.row_changes import Decision, Insert, Replace
from domain.tenant import Tenant
from ops.command import head_of

_CHOICE = tuple(sorted(CAPABILITIES.keys() - {READING.name}))


def add_customer_commands(commands: Any) -> None:
    """Add the commands to the parser."""
    progress = commands.add_parser(
        "customer-consents", help="show how many customers have consented to the partner app"
    )
    progress.set_defaults(command=_customer_consents)
    progress.add_argument("--msp-id", required=True)
    change = commands.add_parser(
        "change-capabilities", help="choose what an MSP does with customers besides reading"
    )
    change.set_defaults(command=_change_capabilities)
    change.add_argument("--msp-id", required=True)
    change.add_argument(
        "--capability",
        action="append",
        default=[],
        choices=_CHOICE,
        help="a capability; may be repeated; without any, the MSP only reads",
    )


async def _customer_consents(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, Any]:
    msp_id = MspId(parse_guid(options.msp_id, "msp-id"))
    return await consent_progress(storage.msps, msp_id)


async def consent_progress(msps: MspStore, msp_id: MspId) -> dict[str, Any]:
    """Return how many of an MSP's customers have consented to the current version.

    Raises:
        NoSuchMsp: There is no such MSP.
    """
    head = await head_of(msps, msp_id)
    tenants = await msps.all(Tenant, msp_id)
    customers = [tenant for tenant in tenants if not tenant.is_own_msp_tenant and tenant.is_synced]
    version = customer_grants(head.msp.value.app).version
    missing = [tenant for tenant in customers if needs_consent(tenant, version)]
    refused = _refused(missing)
    return {
        "requiredVersion": version,
        "customers": len(customers),
        "consented": len(customers) - len(missing),
        "pending": len(missing) - len(refused),
        "refused": refused,
    }


def _refused(tenants: Sequence[Tenant]) -> list[dict[str, str]]:
    return [
        {
            "tenantId": tenant.tenant_id,
            "displayName": tenant.display_name,
            "reason": tenant.app_consent.refused,
        }
        for tenant in tenants
        if tenant.app_consent and tenant.app_consent.refused
    ]


async def _change_capabilities(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, Any]:
    msp_id = MspId(parse_guid(options.msp_id, "msp-id"))
    cause = Cause(SYSTEM, SystemClock().now(), str(uuid4()))
    before = await change_capabilities(storage.msps, msp_id, options.capability, cause)
    return {"before": list(before), "after": sorted(set(options.capability))}


async def change_capabilities(
    msps: MspStore, msp_id: MspId, chosen: Sequence[str], cause: Cause
) -> tuple[str, ...]:
    """Change an MSP's capabilities; its customers consent to them after the next GDAP poll.

    Raises:
        NoSuchMsp: There is no such MSP.
    """
    after = tuple(sorted(set(chosen)))
    return await decide_and_commit(
        lambda: head_of(msps, msp_id), lambda head: _decide(head, after, cause), msps.commit
    )


def _decide(head: MspHead, after: tuple[str, ...], cause: Cause) -> Decision[tuple[str, ...]]:
    msp = head.msp.value
    before = msp.app.capabilities
    if before == after:
        return Decision(before)
    changed = replace(msp, app=replace(msp.app, capabilities=after))
    event = cause.event(
        msp.msp_id,
        "msp.capabilities_changed",
        before={"capabilities": list(before)},
        after={"capabilities": list(after)},
    )
    return Decision(before, (Replace(changed, head.msp.version), Insert(event)))
