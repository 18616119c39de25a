"""Polling GDAP relationships: Microsoft tells nobody of a customer's yes or no, so we ask."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import uuid4

from domain.audit import SYSTEM, Cause
from domain.errors import DomainError
from domain.gdap import GdapRelationship, RelationshipState, UnreadableRelationship
from domain.identifiers import MspId, TenantId
from domain.msp import Msp
from domain.ports.clock import Clock
from domain.ports.gdap import Gdap
from domain.ports.msp_store import MspHead, MspStore, TenantRecords
from domain.ports.page import Page
from domain.row_changes import Versioned, decide_and_commit
from domain.sync_request import SyncRequests
from domain.tenant import GdapInvite, Tenant, TenantRemoval
from edge.telemetry import count
from gdap.invite_record import assigned
from gdap.reconcile_relationship import reconcile
from gdap.reconciliation import Change, Reconciliation

_log = logging.getLogger(__name__)
_MSPS_AT_ONCE = 8
_PAGE = 1000
# Each takes a few requests; what exceeds it waits for the next time.
_MOST_ASSIGNMENTS = 200
_SYNCED_AFTER = {Change.ACCEPTED, Change.REACTIVATED, Change.RECONNECTED}


@dataclass(frozen=True, slots=True)
class GdapPorts:
    """What the area needs from outside."""

    msps: MspStore
    gdap: Gdap
    sync_requests: SyncRequests
    clock: Clock


@dataclass(frozen=True, slots=True)
class MspView:
    """All that an MSP knows of its customers, read in four ranges.

    It may be old by the time it is looked at: it tells where to look closer, no more.
    """

    head: MspHead
    tenants: Mapping[TenantId, Versioned[Tenant]]
    invites: Mapping[TenantId, GdapInvite]
    removals: Mapping[TenantId, TenantRemoval]

    def snapshot(self, tenant_id: TenantId) -> TenantRecords:
        """Return what is known of one customer, fit to decide on and not to commit."""
        invite, removal = self.invites.get(tenant_id), self.removals.get(tenant_id)
        return TenantRecords(
            self.head,
            self.tenants.get(tenant_id),
            None,
            Versioned(invite, "") if invite else None,
            Versioned(removal, "") if removal else None,
        )


async def poll_relationships(ports: GdapPorts) -> None:
    """Meet every MSP's relationships; one MSP's trouble never holds up another's."""
    turn = asyncio.Semaphore(_MSPS_AT_ONCE)

    async def in_turn(msp_id: MspId) -> None:
        async with turn:
            try:
                await poll_msp(ports, msp_id)
            except DomainError as error:
                _log.warning("GDAP relationships of MSP %s were not read: %s", msp_id, error)
            except Exception:  # noqa: BLE001  the next MSP's are met all the same
                _log.exception("GDAP relationships of MSP %s were not met", msp_id)

    async with asyncio.TaskGroup() as group:
        async for msp_id in ports.msps.msp_ids():
            group.create_task(in_turn(msp_id))


async def poll_msp(ports: GdapPorts, msp_id: MspId) -> None:
    """Meet one MSP's relationships, customer by customer.

    Raises:
        DomainError: They cannot be read, so nothing changes: unread is not ended.
    """
    head = await ports.msps.head(msp_id)
    if head is None or head.msp.value.closed_at is not None:
        return
    relationships = await ports.gdap.relationships(head.msp.value)
    if relationships.unreadable:
        count("gdap.unreadable", len(relationships.unreadable))
    known, left = await _read_view(ports.msps, head), _MOST_ASSIGNMENTS
    for tenant_id, of_customer in _by_customer(relationships.found):
        invite = known.invites.get(tenant_id)
        if _may_be_active(tenant_id, invite, of_customer, relationships.unreadable):
            continue
        try:
            left -= await _reconcile_customer(
                ports, known, tenant_id, of_customer, may_assign=left > 0
            )
        except Exception:  # noqa: BLE001  the next customer's are met all the same
            _log.exception("a customer's GDAP relationships were not met")


async def _read_view(msps: MspStore, head: MspHead) -> MspView:
    msp_id = head.msp.value.msp_id
    tenants, invites, removals = await asyncio.gather(
        _all(lambda token: msps.page(Tenant, msp_id, _PAGE, token)),
        _all(lambda token: msps.page(GdapInvite, msp_id, _PAGE, token)),
        msps.all(TenantRemoval, msp_id),
    )
    return MspView(
        head,
        {known.value.tenant_id: known for known in tenants},
        {known.value.tenant_id: known.value for known in invites},
        {removal.tenant_id: removal for removal in removals},
    )


async def _all[T](fetch: Callable[[str | None], Awaitable[Page[T]]]) -> list[T]:
    page = await fetch(None)
    items = list(page.items)
    while page.next_token is not None:
        page = await fetch(page.next_token)
        items += page.items
    return items


def _may_be_active(
    tenant_id: TenantId,
    invite: GdapInvite | None,
    relationships: Sequence[GdapRelationship],
    unreadable: Sequence[UnreadableRelationship],
) -> bool:
    """Tell whether a relationship that cannot be read may be the one that gives access.

    Without a live one among those that can be read, the customer would seem to be lost.
    """
    is_live = any(found.state is RelationshipState.ACTIVE for found in relationships)
    known = invite.relationship_id if invite else None
    return not is_live and any(one.may_be(tenant_id, known) for one in unreadable)


def _by_customer(
    relationships: Sequence[GdapRelationship],
) -> Iterator[tuple[TenantId, list[GdapRelationship]]]:
    ordered = sorted(relationships, key=lambda relationship: relationship.tenant_id)
    for tenant_id, found in groupby(ordered, key=lambda relationship: relationship.tenant_id):
        yield tenant_id, list(found)


async def _reconcile_customer(
    ports: GdapPorts,
    known: MspView,
    tenant_id: TenantId,
    relationships: Sequence[GdapRelationship],
    *,
    may_assign: bool,
) -> int:
    """Meet one customer's relationships; return how many assignments were looked after."""
    msp = known.head.msp.value
    cause = Cause(SYSTEM, ports.clock.now(), str(uuid4()))
    preview = reconcile(known.snapshot(tenant_id), relationships, cause)
    if not preview.operations and not _lacks_access(preview.result, msp):
        return 0
    reconciliation = await decide_and_commit(
        lambda: ports.msps.snapshot(msp.msp_id, tenant_id),
        lambda snapshot: reconcile(snapshot, relationships, cause),
        ports.msps.commit,
    )
    is_new = may_assign and await _assign(ports, msp, reconciliation, cause)
    if reconciliation.tenant and (is_new or reconciliation.change in _SYNCED_AFTER):
        await ports.sync_requests.request(reconciliation.tenant.ref, cause.at)
    return int(_lacks_access(reconciliation, msp))


def _lacks_access(reconciliation: Reconciliation, msp: Msp) -> bool:
    """Tell whether the security groups have yet to get the access that they are to have."""
    tenant, invite = reconciliation.tenant, reconciliation.invite
    if tenant is None or invite is None or reconciliation.active is None or not tenant.is_synced:
        return False
    return bool(msp.app.access) and invite.assigned != msp.app.access


async def _assign(ports: GdapPorts, msp: Msp, reconciliation: Reconciliation, cause: Cause) -> bool:
    """Give the security groups their access; return whether they have it just now."""
    active, tenant = reconciliation.active, reconciliation.tenant
    if not _lacks_access(reconciliation, msp) or active is None or tenant is None:
        return False
    try:
        complete = await ports.gdap.assign(msp, active)
    except DomainError as error:
        # The tenant's sync says what it lacks; the next poll tries again.
        _log.warning("no access was assigned in a GDAP relationship: %s", error)
        return False
    if not complete:
        return False
    return await decide_and_commit(
        lambda: ports.msps.snapshot(msp.msp_id, tenant.tenant_id),
        lambda snapshot: assigned(snapshot, active.relationship_id, msp.app.access, cause),
        ports.msps.commit,
    )
