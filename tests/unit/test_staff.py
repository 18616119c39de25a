from dataclasses import replace

import pytest

from domain.changes import Versioned
from domain.errors import LastOwner, MalformedInput, OwnerRequired, StaffElsewhere, StaffNotFound
from domain.identifiers import ObjectId
from domain.msp import Msp
from domain.roles import PERMISSIONS, Permission, Role
from domain.staffing import put_staff, remove_staff
from ops.onboarding import Application, Owner, check, onboard
from tests.fakes.storage import FakeMspStore, FakeStaffIndex
from tests.samples import CAUSE, CONTOSO, FABRIKAM, MSP, NOW, OWN, OWNER

SECOND = replace(OWNER, oid=ObjectId("55555555-5555-4555-8555-555555555555"))
APPLICATION = Application(
    name="Contoso MSP",
    country="AU",
    abn="51 824 753 556",
    tier="business",
    agreed_price_cents=None,
    time_zone="Australia/Sydney",
    client_id=CONTOSO,
    app_tenant_id=OWN.upper(),
    credential="partner-app",
    service_account="service-account",
)


def world() -> tuple[FakeMspStore, FakeStaffIndex]:
    return FakeMspStore(MSP, OWNER), FakeStaffIndex()


def owners(store: FakeMspStore) -> int:
    (msp,) = store.of_kind(Msp, CONTOSO)
    return msp.value.owners


async def test_owners_are_counted_as_they_come_and_go() -> None:
    store, index = world()
    assert await put_staff(store, index, SECOND, CAUSE, by_owner=True)
    assert owners(store) == 2
    await remove_staff(store, index, CONTOSO, OWN, OWNER.oid, CAUSE, by_owner=True)
    assert owners(store) == 1
    with pytest.raises(LastOwner):
        await remove_staff(store, index, CONTOSO, OWN, SECOND.oid, CAUSE, by_owner=True)
    demoted = replace(SECOND, role=Role.L1)
    with pytest.raises(LastOwner):
        await put_staff(store, index, demoted, CAUSE, by_owner=True)
    assert store.actions(CONTOSO) == ["staff.added", "staff.removed"]


@pytest.mark.parametrize("role", [Role.OWNER, Role.L1])
async def test_only_an_owner_touches_owners(role: Role) -> None:
    store, index = world()
    changed = replace(OWNER, role=role, name="New")
    with pytest.raises(OwnerRequired):
        await put_staff(store, index, changed, CAUSE, by_owner=False)
    with pytest.raises(OwnerRequired):
        await remove_staff(store, index, CONTOSO, OWN, OWNER.oid, CAUSE, by_owner=False)


async def test_a_person_is_staff_of_one_msp_and_a_claim_without_a_row_is_taken_over() -> None:
    store, index = world()
    await index.claim(SECOND.tid, SECOND.oid, FABRIKAM)
    theirs = replace(SECOND, msp_id=FABRIKAM)
    store.rows[FABRIKAM, "StaffMember", SECOND.tid, SECOND.oid] = Versioned(theirs, "1")
    with pytest.raises(StaffElsewhere):
        await put_staff(store, index, SECOND, CAUSE, by_owner=True)
    del store.rows[FABRIKAM, "StaffMember", SECOND.tid, SECOND.oid]
    assert await put_staff(store, index, SECOND, CAUSE, by_owner=True)


async def test_nobody_is_removed_who_is_not_there() -> None:
    store, index = world()
    with pytest.raises(StaffNotFound):
        await remove_staff(store, index, CONTOSO, OWN, SECOND.oid, CAUSE, by_owner=True)


def test_roles_hold_what_the_rules_say() -> None:
    def holders(permission: Permission) -> set[Role]:
        return {role for role, held in PERMISSIONS.items() if permission in held}

    assert holders(Permission.TENANTS_READ) == set(Role)
    assert holders(Permission.TENANTS_MANAGE) == {Role.OWNER, Role.ADMIN}
    assert holders(Permission.BILLING_READ) == {Role.OWNER, Role.ADMIN}
    assert holders(Permission.CONSENT_MANAGE) == {Role.OWNER}
    assert holders(Permission.USERS_READ) == set(Role) - {Role.VIEWER}


def test_an_application_is_checked_and_made_canonical() -> None:
    msp = check(APPLICATION, NOW)
    assert (msp.abn, msp.app.tenant_id, msp.owners) == ("51824753556", OWN, 1)


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"abn": "51824753557"}, "abn"),
        ({"abn": None}, "abn"),
        ({"country": "Australia"}, "country"),
        ({"tier": "gold"}, "tier"),
        ({"tier": "enterprise_plus"}, "agreed-price"),
        ({"agreed_price_cents": 100}, "agreed-price"),
        ({"time_zone": "Mars/Olympus"}, "time-zone"),
        ({"time_zone": "../etc/passwd"}, "time-zone"),
        ({"client_id": "x"}, "partner-app-client-id"),
        ({"app_tenant_id": "contoso.com"}, "partner-app-tenant-id"),
        ({"credential": "a/b"}, "credential-secret"),
        ({"name": " "}, "name"),
        ({"msp_id": "1"}, "msp-id"),
    ],
)
def test_a_malformed_application_names_its_option(changes: dict[str, str], option: str) -> None:
    with pytest.raises(MalformedInput) as refused:
        check(replace(APPLICATION, **changes), NOW)  # type: ignore[arg-type]  # sample values
    assert refused.value.problems[0][0] == option


async def test_onboarding_makes_the_msp_and_its_owner_in_one_transaction() -> None:
    store, index = FakeMspStore(), FakeStaffIndex()
    msp = check(APPLICATION, NOW)
    await onboard(store, index, msp, Owner(OWN, OWNER.oid, "Adele"))
    assert len(store.commits) == 1
    assert await store.staff_member(msp.msp_id, OWN, OWNER.oid)
    assert store.actions(msp.msp_id) == ["msp.onboarded"]
