import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from core.staffing import put_staff, remove_staff
from domain.audit import SYSTEM, Actor
from domain.errors import (
    ForeignPerson,
    LastOwner,
    MalformedInput,
    NotStaff,
    OwnerRequired,
    PermissionMissing,
    StaffNotFound,
)
from domain.gdap import ROLES
from domain.identifiers import MspId, ObjectId, TenantId
from domain.msp import Msp, SecurityGroup
from domain.roles import PERMISSIONS, Permission, Role, StaffKey, StaffMember
from domain.row_changes import Insert, Remove, Versioned
from domain.tenant import PartnerTenantClaim
from ops.command import head_of
from ops.onboarding import Application, Owner, check, onboard
from ops.staff import MOST_SIGN_IN_TENANTS, add_sign_in_tenant
from tests.fakes.storage import FakeMspStore, FakeStaffIndex
from tests.samples import CAUSE, CONTOSO, CUSTOMER, FABRIKAM, MSP, NOW, OTHER, OWN, OWNER, version

SECOND = replace(OWNER, oid=ObjectId("55555555-5555-4555-8555-555555555555"))
ADMIN = replace(SECOND, role=Role.ADMIN, oid=ObjectId("66666666-6666-4666-8666-666666666666"))
BY_ADMIN = replace(CAUSE, actor=Actor.staff(ADMIN))
BY_SECOND = replace(CAUSE, actor=Actor.staff(SECOND))
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
    assert await put_staff(store, index, SECOND, CAUSE)
    assert owners(store) == 2
    await remove_staff(store, index, StaffKey(CONTOSO, OWN, OWNER.oid), CAUSE)
    assert owners(store) == 1
    with pytest.raises(LastOwner):
        await remove_staff(store, index, StaffKey(CONTOSO, OWN, SECOND.oid), BY_SECOND)
    demoted = replace(SECOND, role=Role.L1)
    with pytest.raises(LastOwner):
        await put_staff(store, index, demoted, BY_SECOND)
    assert store.actions(CONTOSO) == ["staff.added", "staff.removed"]


@pytest.mark.parametrize("role", [Role.OWNER, Role.L1])
async def test_only_an_owner_touches_owners(role: Role) -> None:
    store, index = FakeMspStore(MSP, OWNER, ADMIN), FakeStaffIndex()
    changed = replace(OWNER, role=role, name="New")
    with pytest.raises(OwnerRequired):
        await put_staff(store, index, changed, BY_ADMIN)
    with pytest.raises(OwnerRequired):
        await remove_staff(store, index, StaffKey(CONTOSO, OWN, OWNER.oid), BY_ADMIN)


async def test_what_the_actor_was_when_the_request_began_does_not_count() -> None:
    demoted = replace(ADMIN, role=Role.L3)
    for actor, refusal in ((None, NotStaff), (demoted, PermissionMissing)):
        store, index = FakeMspStore(MSP, OWNER, *filter(None, [actor])), FakeStaffIndex()
        with pytest.raises(refusal):
            await put_staff(store, index, replace(SECOND, role=Role.L1), BY_ADMIN)
        with pytest.raises(refusal):
            await remove_staff(store, index, StaffKey(CONTOSO, OWN, OWNER.oid), BY_ADMIN)
        assert index.claims == {}
        assert store.commits == []


async def test_an_owner_who_is_removed_while_adding_an_owner_adds_none() -> None:
    second = replace(MSP, owners=2)
    store, index = FakeMspStore(second, OWNER, SECOND), FakeStaffIndex()
    third = replace(SECOND, oid=ObjectId(str(uuid4())))
    claim = index.claim

    async def removed_meanwhile(*person: Any) -> MspId:
        index.claim = claim  # type: ignore[method-assign]  # once
        await remove_staff(store, index, StaffKey(CONTOSO, OWN, OWNER.oid), BY_SECOND)
        return await claim(*person)

    index.claim = removed_meanwhile  # type: ignore[assignment, method-assign]  # acts in between
    with pytest.raises(NotStaff):
        await put_staff(store, index, third, CAUSE)
    assert await store.find(StaffMember, CONTOSO, OWN, third.oid) is None


async def test_an_actor_who_is_removed_between_reading_and_writing_changes_nothing() -> None:
    store, index = FakeMspStore(MSP, OWNER, ADMIN), FakeStaffIndex()
    commit = store.commit

    async def removed_meanwhile(operations: Any) -> None:
        store.commit = commit  # type: ignore[method-assign]  # once
        await remove_staff(store, index, StaffKey(CONTOSO, OWN, ADMIN.oid), CAUSE)
        await commit(operations)

    store.commit = removed_meanwhile  # type: ignore[method-assign]  # acts in between
    with pytest.raises(NotStaff):
        await put_staff(store, index, replace(SECOND, role=Role.L1), BY_ADMIN)
    assert await store.find(StaffMember, CONTOSO, OWN, SECOND.oid) is None


async def test_a_person_is_staff_of_one_msp_and_a_claim_without_a_row_is_taken_over() -> None:
    store, index = world()
    await index.claim(SECOND.tid, SECOND.oid, FABRIKAM)
    theirs = replace(SECOND, msp_id=FABRIKAM)
    store.rows[FABRIKAM, "StaffMember", SECOND.tid, SECOND.oid] = Versioned(theirs, "1")
    with pytest.raises(ForeignPerson):
        await put_staff(store, index, SECOND, CAUSE)
    del store.rows[FABRIKAM, "StaffMember", SECOND.tid, SECOND.oid]
    assert await put_staff(store, index, SECOND, CAUSE)


@pytest.mark.parametrize("moment", ["before the release", "after the release", "after the look"])
async def test_somebody_who_is_removed_and_added_again_at_once_has_a_claim(moment: str) -> None:
    store, index = world()
    await put_staff(store, index, SECOND, CAUSE)
    release, look = index.release, store.find
    added = asyncio.Event()

    async def add_again() -> None:
        if not added.is_set():
            added.set()
            await put_staff(store, index, SECOND, CAUSE)

    async def released(*person: Any) -> None:
        if moment == "before the release":
            await add_again()
        await release(*person)
        if moment == "after the release":
            await add_again()

    index.release = released  # type: ignore[assignment, method-assign]  # acts in between
    await remove_staff(store, index, StaffKey(CONTOSO, OWN, SECOND.oid), CAUSE)
    await add_again()
    assert await look(StaffMember, CONTOSO, OWN, SECOND.oid) is not None
    assert index.claims[OWN, SECOND.oid] == CONTOSO


async def test_an_addition_that_a_removal_overtakes_claims_again() -> None:
    store, index = world()
    await put_staff(store, index, SECOND, CAUSE)
    commit = store.commit

    async def released_meanwhile(operations: Any) -> None:
        # The removal was committed before the addition read; its claim is released only now.
        store.commit = commit  # type: ignore[method-assign]  # once
        await index.release(OWN, SECOND.oid, CONTOSO)
        await commit(operations)

    await commit(
        [Remove(SECOND, version(await store.find(StaffMember, CONTOSO, OWN, SECOND.oid)).version)]
    )
    store.commit = released_meanwhile  # type: ignore[method-assign]  # acts in between
    assert await put_staff(store, index, SECOND, CAUSE)
    assert index.claims[OWN, SECOND.oid] == CONTOSO


async def test_a_member_whom_another_msp_claims_meanwhile_is_taken_back() -> None:
    store, index = world()
    commit = store.commit

    async def claimed_meanwhile(operations: Any) -> None:
        store.commit = commit  # type: ignore[method-assign]  # once
        index.claims[OWN, SECOND.oid] = FABRIKAM
        theirs = replace(SECOND, msp_id=FABRIKAM)
        store.rows[FABRIKAM, "StaffMember", SECOND.tid, SECOND.oid] = Versioned(theirs, "1")
        await commit(operations)

    store.commit = claimed_meanwhile  # type: ignore[method-assign]  # acts in between
    with pytest.raises(ForeignPerson):
        await put_staff(store, index, SECOND, CAUSE)
    assert await store.find(StaffMember, CONTOSO, OWN, SECOND.oid) is None
    assert owners(store) == 1
    assert store.actions(CONTOSO) == ["staff.added", "staff.removed"]


async def test_who_is_added_beside_a_removal_and_claimed_elsewhere_is_taken_back() -> None:
    store, index = world()
    person = replace(SECOND, role=Role.L1)
    await put_staff(store, index, person, CAUSE)
    release = index.release

    async def added_again_and_claimed_elsewhere(*claim: Any) -> None:
        await store.commit([Insert(person)])
        await release(*claim)
        index.claims[OWN, SECOND.oid] = FABRIKAM
        theirs = replace(person, msp_id=FABRIKAM)
        store.rows[FABRIKAM, "StaffMember", SECOND.tid, SECOND.oid] = Versioned(theirs, "1")

    index.release = added_again_and_claimed_elsewhere  # type: ignore[assignment, method-assign]  # acts in between
    await remove_staff(store, index, StaffKey(CONTOSO, OWN, SECOND.oid), CAUSE)
    assert await store.find(StaffMember, CONTOSO, OWN, SECOND.oid) is None
    assert index.claims[OWN, SECOND.oid] == FABRIKAM


FOREIGNER = replace(ADMIN, tid=OTHER)


async def test_staff_come_from_where_the_msp_signs_in_and_a_refusal_leaves_no_claim() -> None:
    store, index = world()
    for cause in (CAUSE, replace(CAUSE, actor=SYSTEM)):
        with pytest.raises(ForeignPerson):
            await put_staff(store, index, FOREIGNER, cause)
    assert index.claims == {}
    assert store.actions(CONTOSO) == []


async def test_people_of_the_partner_tenant_can_be_staff() -> None:
    store, index = world()
    await store.commit((Insert(PartnerTenantClaim(CONTOSO, OTHER)),))
    assert await put_staff(store, index, FOREIGNER, CAUSE)


async def test_a_partner_tenant_that_is_disabled_meanwhile_admits_nobody() -> None:
    store, index = world()
    await store.commit((Insert(PartnerTenantClaim(CONTOSO, OTHER)),))
    commit = store.commit

    async def disabled_meanwhile(operations: Any) -> None:
        store.commit = commit  # type: ignore[method-assign]  # once
        slot = version((await head_of(store, CONTOSO)).slot)
        await commit((Remove(slot.value, slot.version),))
        await commit(operations)

    store.commit = disabled_meanwhile  # type: ignore[method-assign]  # acts in between
    with pytest.raises(ForeignPerson):
        await put_staff(store, index, FOREIGNER, CAUSE)
    assert await store.find(StaffMember, CONTOSO, OTHER, FOREIGNER.oid) is None


async def test_an_operator_adds_a_tenant_to_sign_in_from_once_and_on_record() -> None:
    store, index = world()
    for _ in range(2):
        assert await add_sign_in_tenant(store, CONTOSO, OTHER, CAUSE) == (OWN, OTHER)
    assert store.actions(CONTOSO) == ["msp.sign_in_tenant_added"]
    assert await put_staff(store, index, FOREIGNER, CAUSE)
    await add_sign_in_tenant(store, CONTOSO, CUSTOMER, CAUSE)
    assert (await head_of(store, CONTOSO)).msp.value.sign_in_tenants == (OWN, OTHER, CUSTOMER)


async def test_tenants_to_sign_in_from_are_bounded() -> None:
    many = tuple(TenantId(str(uuid4())) for _ in range(MOST_SIGN_IN_TENANTS))
    store = FakeMspStore(replace(MSP, sign_in_tenants=many), OWNER)
    assert await add_sign_in_tenant(store, CONTOSO, many[3], CAUSE) == many
    with pytest.raises(MalformedInput, match="tid is one too many"):
        await add_sign_in_tenant(store, CONTOSO, OTHER, CAUSE)
    with pytest.raises(LookupError):
        await add_sign_in_tenant(store, FABRIKAM, OTHER, CAUSE)


async def test_who_is_staff_already_can_be_changed_and_removed_wherever_they_are_from() -> None:
    store, index = world()
    store.rows[CONTOSO, "StaffMember", OTHER, FOREIGNER.oid] = Versioned(FOREIGNER, "1")
    assert not await put_staff(store, index, replace(FOREIGNER, role=Role.L2), CAUSE)
    await remove_staff(store, index, StaffKey(CONTOSO, OTHER, FOREIGNER.oid), CAUSE)
    assert await store.find(StaffMember, CONTOSO, OTHER, FOREIGNER.oid) is None


async def test_nobody_is_removed_who_is_not_there() -> None:
    store, index = world()
    with pytest.raises(StaffNotFound):
        await remove_staff(store, index, StaffKey(CONTOSO, OWN, SECOND.oid), CAUSE)


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


def test_the_partner_app_may_be_registered_later() -> None:
    assert check(replace(APPLICATION, client_id=None), NOW).app.client_id is None


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
        ({"security_groups": ("all",)}, "security-group"),
        ({"security_groups": (f"{CONTOSO}=Global Administrator",)}, "security-group"),
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
    assert await store.find(StaffMember, msp.msp_id, OWN, OWNER.oid)
    assert store.actions(msp.msp_id) == ["msp.onboarded"]
    assert (await head_of(store, msp.msp_id)).msp.value.sign_in_tenants == (OWN,)


async def test_an_onboarding_that_died_after_its_claim_can_be_done_again() -> None:
    store, index = FakeMspStore(), FakeStaffIndex()
    await index.claim(OWN, OWNER.oid, check(APPLICATION, NOW).msp_id)
    msp = check(APPLICATION, NOW)  # another ID, because none is given
    await onboard(store, index, msp, Owner(OWN, OWNER.oid, "Adele"))
    assert index.claims[OWN, OWNER.oid] == msp.msp_id
    other = check(APPLICATION, NOW)
    with pytest.raises(ForeignPerson):
        await onboard(store, index, other, Owner(OWN, OWNER.oid, "Adele"))
    assert await store.head(other.msp_id) is None


async def test_an_owner_whom_another_msp_claims_meanwhile_is_refused_with_what_to_do() -> None:
    store, index = FakeMspStore(), FakeStaffIndex()
    msp = check(APPLICATION, NOW)
    commit = store.commit

    async def claimed_meanwhile(operations: Any) -> None:
        index.claims[OWN, OWNER.oid] = FABRIKAM
        theirs = replace(OWNER, msp_id=FABRIKAM)
        store.rows[FABRIKAM, "StaffMember", OWN, OWNER.oid] = Versioned(theirs, "1")
        await commit(operations)

    store.commit = claimed_meanwhile  # type: ignore[method-assign]  # acts in between
    with pytest.raises(ForeignPerson, match=f"{msp.msp_id} is stored.*delete-msp"):
        await onboard(store, index, msp, Owner(OWN, OWNER.oid, "Adele"))


def test_a_security_group_has_all_roles_or_those_that_are_named() -> None:
    texts = (CONTOSO.upper(), f"{FABRIKAM}=Global Reader, Security Reader")
    every, some = check(replace(APPLICATION, security_groups=texts), NOW).app.security_groups
    assert (every.group_id, set(every.roles)) == (CONTOSO, set(ROLES))
    assert some == SecurityGroup(FABRIKAM, ("Global Reader", "Security Reader"))
