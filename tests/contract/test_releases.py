"""Rows of the previous release and of a later one: read, left alone, or refused; never guessed.

The rows are listed here as the previous release wrote them, property by property, and the SDK
writes them to Azurite. For a later release, properties that it may add are added to them.
"""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from azure.data.tables import EdmType, EntityProperty

from adapters.graph.gdap import _assignment
from adapters.tables.rows import to_entity
from adapters.tables.storage import Storage
from billing.close_month import close_month
from billing.price_list import unit_price
from billing.read_inputs import read_head, read_inputs
from domain.audit import SYSTEM, Actor, AuditEvent, Cause
from domain.billing_account import BillingAccount
from domain.billing_terms import BillingTerms, TermsChange
from domain.consent_session import ConsentOutcome, ConsentRecord, ConsentState, hash_state
from domain.errors import StorageUnavailable
from domain.gdap import ROLES, GdapRelationship, RelationshipState
from domain.identifiers import Epoch, MspId, SessionHash, SessionRef, TenantRef
from domain.invoice import Invoice, InvoiceLine, InvoiceLines, InvoiceParty, Payment
from domain.messages import read_session_ref, read_tenant_ref
from domain.month import Month
from domain.msp import Msp, PartnerApp, SecurityGroup, Tier
from domain.ports.pending_work import PendingWork
from domain.roles import Role, StaffMember
from domain.row_changes import Row
from domain.tenant import GdapInvite, PartnerTenantClaim, Tenant, TenantRemoval, TenantStatus
from domain.usage import ActivePeriod, TenantUsage
from domain.work_queues import PURGE_TENANT
from tests.fakes.outside import FakeQueues, FixedClock
from tests.samples import CUSTOMER, NOW, OTHER, OWN, OWNER_OID, version
from work.requeue import WorkPorts, requeue_work

OCTOBER = Month(2026, 10)
TEXT = "2026-11-10T03:00:00+00:00"
GROUPS = '[{"group_id": "g-1", "roles": ["Global Reader"]}]'
ACTOR = '{"kind": "staff", "tid": "t", "oid": "o", "name": "Adele"}'
LINE = f'["{CUSTOMER}","Northwind Traders",31,3900]'
SELLER = '["Manage365 Pty Ltd", "35000000365", "1 Example Street"]'


def cents(amount: int) -> EntityProperty:
    return EntityProperty(amount, EdmType.INT64)


# Properties that this release writes in addition, by row key.
ADDED = {
    "msp": {"sign_in_tenants": f'["{OWN}"]', "app_optional_roles": "[]", "app_capabilities": "[]"}
}
# By row key, in the order of the values below.
ROWS: dict[str, dict[str, Any]] = {
    "msp": {
        "name": "Contoso MSP",
        "country": "AU",
        "abn": "51824753556",
        "tier": "business",
        "annual_prepay": False,
        "time_zone": "Australia/Sydney",
        "onboarded_at": NOW,
        "app_client_id": "app",
        "app_tenant_id": OWN,
        "app_credential": "partner-app",
        "app_service_account": "service-account",
        "app_security_groups": GROUPS,
        "owners": 1,
        "consented_manifest": 1,
    },
    "msp:partner-tenant": {"tenant_id": OWN},
    "msp:consent": {
        "session": "5e55",
        "state": "completed",
        "outcome": "enabled",
        "at": NOW,
        "detected_tenant_id": OWN,
    },
    "msp:billing": {"closed_through": "2026-10", "issued": 1, "documented": 1},
    f"tenant:{CUSTOMER}": {
        "tenant_id": CUSTOMER,
        "epoch": "e1",
        "display_name": "Northwind Traders",
        "is_own_msp_tenant": False,
        "status": "active",
        "created_at": NOW,
        "notes": "é",
    },
    f"removed:{OTHER}": {"tenant_id": OTHER, "removed_at": NOW},
    f"usage:{CUSTOMER}": {
        "tenant_id": CUSTOMER,
        "tenant_name": "Northwind Traders",
        "stretches": f'[["{TEXT}", "{TEXT}"], ["{TEXT}", null]]',
    },
    f"invite:{CUSTOMER}": {
        "tenant_id": CUSTOMER,
        "display_name": "Northwind Traders",
        "relationship_id": "r-1",
        "status": "active",
        "invite_url": "https://x",
        "expires_at": NOW,
        "created_at": NOW,
        "assigned": "g-1=Global Reader",
    },
    f"staff:{OWN}:{OWNER_OID}": {
        "tid": OWN,
        "oid": OWNER_OID,
        "role": "msp_owner",
        "name": "Adele",
    },
    "audit:251607934800000000:ab": {
        "event_id": "ab",
        "at": NOW,
        "action": "x.y",
        "actor": ACTOR,
        "before": '{"a": 1}',
        "request_id": "r",
    },
    f"terms:2026-10:{TEXT}": {
        "from_month": "2026-10",
        "decided_at": NOW,
        "tier": "enterprise_plus",
        "agreed_price_cents": 2155,
        "annual_prepay": True,
    },
    "invoice:2026-10": {
        "number": 1,
        "month": "2026-10",
        "issued_at": NOW,
        "due_on": "2026-11-24",
        "time_zone": "Australia/Sydney",
        "tier": "business",
        "unit_price": cents(3900),
        "billed_tenants": 1,
        "discount": cents(0),
        "subtotal": cents(3900),
        "gst": cents(390),
        "seller": SELLER,
        "buyer": '["Contoso MSP", null, ""]',
        "line_set": "d1",
    },
    "invoice-lines:2026-10:d1:00000": {"lines": f"[{LINE}]"},
    "payment:000000001": {
        "number": 1,
        "month": "2026-10",
        "total": cents(4290),
        "issued_at": NOW,
        "due_on": "2026-11-24",
        "paid": False,
        "pursued": 1,
        "pursued_at": NOW,
        "noticed": 1,
    },
}


def values(msp: MspId) -> list[Any]:
    """Return the values of the rows."""
    app = PartnerApp(
        "app", OWN, "partner-app", "service-account", (SecurityGroup("g-1", ("Global Reader",)),)
    )
    terms = BillingTerms("enterprise_plus", 2155, annual_prepay=True)
    session = SessionHash("5e55")
    line = InvoiceLine(CUSTOMER, "Northwind Traders", 31, 31, Decimal("39.00"))
    return [
        Msp(
            msp_id=msp,
            name="Contoso MSP",
            country="AU",
            abn="51824753556",
            tier="business",
            agreed_price_cents=None,
            annual_prepay=False,
            time_zone="Australia/Sydney",
            onboarded_at=NOW,
            suspended_at=None,
            app=app,
            owners=1,
            consented_manifest=1,
            sign_in_tenants=(OWN,),
        ),
        PartnerTenantClaim(msp, OWN),
        ConsentRecord(msp, session, ConsentState.COMPLETED, ConsentOutcome.ENABLED, NOW, OWN),
        BillingAccount(msp, OCTOBER, 1, 1),
        Tenant(
            *(msp, CUSTOMER, Epoch("e1"), "Northwind Traders", None, False),
            *(TenantStatus.ACTIVE, NOW, "é"),
        ),
        TenantRemoval(msp, OTHER, NOW),
        TenantUsage(
            msp, CUSTOMER, "Northwind Traders", (ActivePeriod(NOW, NOW), ActivePeriod(NOW))
        ),
        GdapInvite(
            *(msp, CUSTOMER, "Northwind Traders", "r-1", "active", "https://x"),
            *(NOW, NOW, "g-1=Global Reader"),
        ),
        StaffMember(msp, OWN, OWNER_OID, Role.OWNER, "Adele"),
        AuditEvent(
            *(msp, "ab", NOW, "x.y", Actor("staff", "t", "o", "Adele")),
            *(None, None, {"a": 1}, None, "r"),
        ),
        TermsChange(msp, OCTOBER, NOW, terms),
        Invoice(
            *(msp, 1, OCTOBER, NOW, date(2026, 11, 24), "Australia/Sydney"),
            *(
                Tier.BUSINESS,
                Decimal("39.00"),
                1,
                Decimal("0.00"),
                Decimal("39.00"),
                Decimal("3.90"),
            ),
            InvoiceParty("Manage365 Pty Ltd", "35000000365", "1 Example Street"),
            *(InvoiceParty("Contoso MSP", None), "d1"),
        ),
        InvoiceLines(msp, OCTOBER, "d1", 0, (line,)),
        Payment(msp, 1, OCTOBER, Decimal("42.90"), NOW, date(2026, 11, 24), None, 1, NOW, 1),
    ]


async def put(
    storage: Storage, msp: MspId, rows: dict[str, dict[str, Any]], table: str = "msps"
) -> None:
    for key, properties in rows.items():
        entity = {"PartitionKey": msp, "RowKey": key, **properties}
        await storage.table(table).upsert_entity(entity)


async def page_of(storage: Storage, kind: type[Row], msp: MspId) -> list[Row]:
    return [known.value for known in (await storage.msps.page(kind, msp, 10)).items]


async def read(storage: Storage, msp: MspId) -> list[Any]:
    """Read every row through the ports, in the order of the values."""
    head, records = (
        await read_head(storage.msps, msp),
        await storage.msps.tenant_records(msp, CUSTOMER),
    )
    invoice = await storage.invoices.invoice(msp, OCTOBER)
    assert invoice is not None
    lines = tuple(await storage.invoices.lines(invoice))
    return [
        head.msp.value,
        version(head.slot).value,
        version(head.consent).value,
        version(head.account).value,
        version(records.tenant).value,
        *(await storage.msps.all(TenantRemoval, msp)),
        version(records.usage).value,
        version(records.invite).value,
        *(await page_of(storage, StaffMember, msp)),
        *(await storage.msps.audit_events(msp, 10)).items,
        *(await storage.invoices.terms(msp)),
        invoice,
        InvoiceLines(msp, OCTOBER, "d1", 0, lines),
        version(await storage.invoices.payment(msp, 1)).value,
    ]


@pytest.fixture
def msp() -> MspId:
    return MspId(str(uuid4()))


def plain(properties: dict[str, Any]) -> dict[str, Any]:
    """Return properties with JSON parsed, so that its white space does not matter."""
    return {
        name: json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value
        for name, value in properties.items()
    }


async def test_rows_of_the_release_before_are_read(storage: Storage, msp: MspId) -> None:
    await put(storage, msp, ROWS)
    assert await read(storage, msp) == values(msp)


def test_the_release_before_reads_what_this_one_writes(msp: MspId) -> None:
    for (key, properties), value in zip(ROWS.items(), values(msp), strict=True):
        entity = to_entity(value)
        assert (entity.pop("PartitionKey"), entity.pop("RowKey")) == (msp, key)
        assert plain(entity) == plain(properties | ADDED.get(key, {}))


def later(properties: dict[str, Any]) -> dict[str, Any]:
    """Return a row as a later release may write it: with additions, also within lists."""
    more: dict[str, Any] = {"colour": "blue", "levels": '{"a": [1]}'}
    match properties:
        case {"app_security_groups": _}:
            more["app_security_groups"] = json.dumps(
                [{"group_id": "g-1", "roles": ["Global Reader"], "since": TEXT}, {"kind": "none"}]
            )
        case {"stretches": _}:
            more["stretches"] = f'[["{TEXT}", "{TEXT}", "why"], ["{TEXT}"]]'
        case {"actor": _}:
            more["actor"] = json.dumps({**json.loads(ACTOR), "device": {"id": 1}})
        case {"seller": _}:
            more["seller"] = f'{SELLER[:-1]}, "AU"]'
            more["buyer"] = '["Contoso MSP"]'
        case {"lines": _}:
            more["lines"] = f'[{LINE[:-1]},"seat",7]]'
    return {**properties, **more}


async def test_what_a_release_after_added_is_ignored_and_what_it_left_out_has_a_default(
    storage: Storage, msp: MspId
) -> None:
    await put(storage, msp, {key: later(properties) for key, properties in ROWS.items()})
    assert await read(storage, msp) == values(msp)


async def test_a_word_of_a_release_after_keeps_no_list_from_being_read(
    storage: Storage, msp: MspId, caplog: pytest.LogCaptureFixture
) -> None:
    tenant, staff = ROWS[f"tenant:{CUSTOMER}"], ROWS[f"staff:{OWN}:{OWNER_OID}"]
    odd = {
        f"tenant:{OTHER}": {**tenant, "tenant_id": OTHER, "status": "archived"},
        f"staff:{OWN}:{OTHER}": {**staff, "oid": OTHER, "role": "auditor"},
        "audit:251607934800000001:ac": {"event_id": "ac", "actor": "[1, 2]", "at": NOW},
        "invoice:2026-11": {**ROWS["invoice:2026-10"], "month": "2026-11", "tier": "galactic"},
        f"invite:{OTHER}": {"tenant_id": OTHER},
    }
    await put(storage, msp, {**ROWS, **odd})
    found = values(msp)
    assert await page_of(storage, Tenant, msp) == [found[4]]
    kept = await storage.msps.page(Tenant, msp, 10, keep=lambda _: True)
    assert [known.value for known in kept.items] == [found[4]]
    assert [t.ref.tenant_id for t in await storage.portfolio.tenants(msp)] == [CUSTOMER]
    assert await page_of(storage, StaffMember, msp) == [found[8]]
    assert (await storage.msps.audit_events(msp, 10)).items == (found[9],)
    assert await page_of(storage, GdapInvite, msp) == [found[7]]
    assert (await storage.invoices.invoices(msp, 10)).items == (found[11],)
    for what in ("tenant", "staff", "audit", "invoice", "invite"):
        assert f"a row of kind {what} is left alone" in caplog.text
    assert "archived" not in caplog.text


async def test_a_row_that_is_asked_for_by_itself_is_refused_rather_than_guessed(
    storage: Storage, msp: MspId
) -> None:
    """A role unknown to this release gives nobody access, and makes nobody staff elsewhere."""
    await put(storage, msp, {**ROWS, f"tenant:{CUSTOMER}": {"status": "archived", **_TENANT}})
    await put(storage, msp, {f"staff:{OWN}:{OWNER_OID}": {"role": "auditor", **_STAFF}})
    with pytest.raises(StorageUnavailable):
        await storage.msps.find(Tenant, msp, CUSTOMER)
    with pytest.raises(StorageUnavailable):
        await storage.msps.find(StaffMember, msp, OWN, OWNER_OID)


_TENANT = {k: v for k, v in ROWS[f"tenant:{CUSTOMER}"].items() if k != "status"}
_STAFF = {k: v for k, v in ROWS[f"staff:{OWN}:{OWNER_OID}"].items() if k != "role"}


async def test_a_tier_of_a_release_after_holds_up_billing_alone_and_keeps_its_name(
    storage: Storage, msp: MspId
) -> None:
    await put(storage, msp, {**ROWS, "msp": {**ROWS["msp"], "tier": "galactic"}})
    known = (await read_head(storage.msps, msp)).msp.value
    assert to_entity(replace(known, suspended_at=NOW))["tier"] == "galactic"
    with pytest.raises(StorageUnavailable):
        unit_price(BillingTerms.first_of(known))
    terms = ROWS[f"terms:2026-10:{TEXT}"]
    await put(storage, msp, {f"terms:2026-10:{TEXT}": {**terms, "tier": "galactic"}})
    books = await read_inputs(storage.msps, storage.invoices, await read_head(storage.msps, msp))
    cause = Cause(SYSTEM, datetime(2026, 12, 2, tzinfo=UTC), "r")
    with pytest.raises(StorageUnavailable):
        close_month(books, OCTOBER.next, InvoiceParty("S", "1"), cause)


@pytest.mark.parametrize(
    "odd", [{"state": "verified"}, {"outcome": "deferred"}, {"state": "pending", "outcome": "x"}]
)
async def test_nothing_follows_from_a_consent_of_a_release_after(
    storage: Storage, msp: MspId, odd: dict[str, str]
) -> None:
    await put(storage, msp, {**ROWS, "msp:consent": {**ROWS["msp:consent"], **odd}})
    record = version((await read_head(storage.msps, msp)).consent).value
    assert (record.state, record.outcome) == (ConsentState.NONE, None)


async def test_a_session_that_was_refused_with_another_word_stays_refused(
    storage: Storage, msp: MspId
) -> None:
    key = hash_state(str(uuid4()))
    session = {"msp_id": msp, "tid": OWN, "oid": OWNER_OID, "name": "Adele", "expires_at": NOW}
    row = {**session, "spent_at": NOW, "refused": "unusual", "device": "x"}
    await storage.table("consentStates").upsert_entity(
        {"PartitionKey": key[:2], "RowKey": key, **row}
    )
    found = version(await storage.consent_sessions.find(key)).value
    assert (found.spent_at, found.refused) == (NOW, ConsentOutcome.INVALID)


def test_a_role_of_a_group_that_a_release_after_brought_is_not_given() -> None:
    relationship = GdapRelationship(
        *("r", CUSTOMER, "Northwind Traders", RelationshipState.ACTIVE, "active", "https://x"),
        *(NOW, NOW, NOW),
    )
    given = _assignment(SecurityGroup("g", ("Global Reader", "Night Watch")), relationship)
    assert given["accessDetails"] == {
        "unifiedRoles": [{"roleDefinitionId": ROLES["Global Reader"]}]
    }


async def test_work_of_a_release_after_stays_on_record_and_holds_up_no_other(
    storage: Storage, msp: MspId, caplog: pytest.LogCaptureFixture
) -> None:
    ref = TenantRef(msp, CUSTOMER, Epoch("e1"))
    session = SessionRef(msp, hash_state("x"))
    old = {"queued_at": NOW}
    row = f"{msp}:{CUSTOMER}:e1"
    # The kinds sort before, between and after the known ones.
    for kind in ("assign-access", "move-tenant", "zap"):
        await put(storage, MspId(kind), {row: old}, "pendingWork")
    counted = '[["users", 3, "since"], ["newThings", 4]]'
    purge = {**old, "deleted": counted, "reason": "x", "writer_until": NOW}
    await put(storage, MspId("purge-tenant"), {row: purge, f"{msp}:a:b:c:d": old}, "pendingWork")
    await put(storage, MspId("purge-tenant"), {"": old}, "pendingWork")
    await put(storage, MspId("complete-consent"), {f"{msp}:{session.session}": old}, "pendingWork")
    await put(storage, MspId("complete-consent"), {row: old}, "pendingWork")
    progress = await storage.pending_work.find(PURGE_TENANT, ref)
    deleted = (("users", 3), ("newThings", 4))
    assert progress == PendingWork(PURGE_TENANT, ref, NOW, deleted, NOW)
    queues, clock = FakeQueues(), FixedClock(NOW + timedelta(hours=1))
    ports = WorkPorts(
        msps=storage.msps, pending_work=storage.pending_work, queues=queues, clock=clock
    )
    await requeue_work(ports, timedelta(minutes=2))
    assert ref in queues.purges
    assert session in queues.consents
    assert {purged.epoch for purged in queues.purges if purged.msp_id == msp} == {"e1"}
    for kind in ("assign-access", "move-tenant", "zap"):
        kept = await storage.table("pendingWork").get_entity(kind, row)
        assert kept["queued_at"] == NOW
        assert f"work ({kind})" in caplog.text
    assert await storage.table("pendingWork").get_entity("purge-tenant", f"{msp}:a:b:c:d")


def test_what_a_release_after_adds_to_a_message_is_ignored(msp: MspId) -> None:
    text = json.dumps({"mspId": msp, "tenantId": CUSTOMER, "epoch": "e1", "why": ["x"]})
    assert read_tenant_ref(text) == TenantRef(msp, CUSTOMER, Epoch("e1"))
    text = json.dumps({"mspId": msp, "session": hash_state("x"), "why": {}})
    assert read_session_ref(text) == SessionRef(msp, hash_state("x"))
