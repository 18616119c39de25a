"""The primary domain of a customer of which Microsoft has returned only the ID."""

from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from core.transactions import decide_and_commit
from domain.audit import SYSTEM, Cause
from domain.identifiers import TenantRef
from domain.ports.graph_reader import TenantReader
from domain.ports.msp_store import MspStore, TenantRecords
from domain.row_changes import Decision, Insert, Replace


async def learn_domain(msps: MspStore, reader: TenantReader, ref: TenantRef, now: datetime) -> None:
    """Store a tenant's primary domain; if it cannot be read, the next sync tries again."""
    domain = await reader.primary_domain()
    if domain is None:
        return
    cause = Cause(SYSTEM, now, str(uuid4()))
    await decide_and_commit(
        lambda: msps.tenant_records(ref.msp_id, ref.tenant_id),
        lambda records: decide_domain(records, ref, domain, cause),
        msps.commit,
    )


def decide_domain(
    records: TenantRecords, ref: TenantRef, domain: str, cause: Cause
) -> Decision[None]:
    """Decide the change; another life of the tenant, or a known domain, is not changed."""
    known = records.tenant
    if known is None or known.value.ref != ref or known.value.primary_domain is not None:
        return Decision(None)
    event = cause.event(
        ref.msp_id,
        "tenant.edited",
        tenant_id=ref.tenant_id,
        before={"primaryDomain": None},
        after={"primaryDomain": domain},
    )
    after = replace(known.value, primary_domain=domain)
    return Decision(None, (Replace(after, known.version), Insert(event)))
