from dataclasses import replace

import pytest

from adapters.device_sign_in import Account
from core.capabilities import MANAGING_USERS, READING
from domain.errors import ConcurrentChange, MalformedInput, MicrosoftRefused, NoSuchMsp
from domain.identifiers import MspId, ObjectId, TenantId
from ops.command import ask
from ops.microsoft import check_service_account
from ops.partner_app import Registered, directory_roles, record
from tests.fakes.storage import FakeMspStore, FakeStaffIndex
from tests.samples import CAUSE, CONTOSO, FABRIKAM, MSP, OTHER, OWN

CLIENT = "55555555-5555-4555-8555-555555555555"
UNREGISTERED = replace(MSP, app=replace(MSP.app, client_id=None))
SERVICE = Account(OWN, ObjectId(CLIENT), OWN, "service@contoso.com")


async def client_id(store: FakeMspStore) -> str | None:
    head = await store.head(CONTOSO)
    assert head
    return head.msp.value.app.client_id


async def test_a_client_id_is_recorded_once_with_its_audit_event() -> None:
    store = FakeMspStore(UNREGISTERED)
    await record(store, CONTOSO, Registered(CLIENT, created=True), (), CAUSE)
    await record(store, CONTOSO, Registered(CLIENT, created=False), (), CAUSE)
    assert await client_id(store) == CLIENT
    assert store.actions(CONTOSO) == ["msp.partner_app_registered"]


async def test_an_interrupted_registration_is_recorded_by_the_next_run() -> None:
    store = FakeMspStore(UNREGISTERED)
    await record(store, CONTOSO, Registered(CLIENT, created=False), (), CAUSE)
    assert await client_id(store) == CLIENT


async def test_a_change_of_the_registration_alone_is_audited() -> None:
    store = FakeMspStore(replace(MSP, app=replace(MSP.app, client_id=CLIENT)))
    done = Registered(CLIENT, created=False, changed=["requiredResourceAccess"])
    await record(store, CONTOSO, done, (), CAUSE)
    assert store.actions(CONTOSO) == ["msp.partner_app_registered"]


async def test_the_chosen_capabilities_are_recorded_and_kept_if_none_are_named() -> None:
    store, done = FakeMspStore(UNREGISTERED), Registered(CLIENT, created=False)
    for named, expected in (
        (["users", "reading"], ("users",)),
        ([], ("users",)),
        (["reading"], ()),
    ):
        await record(store, CONTOSO, done, named, CAUSE)
        head = await store.head(CONTOSO)
        assert head
        assert head.msp.value.app.capabilities == expected
    assert store.actions(CONTOSO) == ["msp.partner_app_registered"] * 2


async def test_another_registration_is_never_replaced() -> None:
    store = FakeMspStore(MSP)
    with pytest.raises(ConcurrentChange):
        await record(store, CONTOSO, Registered(CLIENT, created=True), (), CAUSE)
    assert await client_id(store) == MSP.app.client_id
    with pytest.raises(NoSuchMsp):
        await record(store, FABRIKAM, Registered(CLIENT, created=True), (), CAUSE)


def test_a_capability_names_the_roles_of_the_service_principal() -> None:
    assert directory_roles([READING]) == set()
    assert directory_roles([READING, MANAGING_USERS]) == {"User Administrator"}


@pytest.mark.parametrize("expected", ["service@contoso.com", " Service@Contoso.com "])
async def test_the_expected_account_of_the_own_tenant_is_accepted(expected: str) -> None:
    await check_service_account(SERVICE, expected, MSP, FakeStaffIndex())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"user_name": "admin@contoso.com"}, "admin@contoso.com signed in instead"),
        ({"tenant_id": OTHER, "home_tenant_id": OTHER}, "not an account of the MSP's own"),
        ({"home_tenant_id": OTHER}, "not an account of the MSP's own"),
    ],
)
async def test_another_account_is_refused(changes: dict[str, TenantId], reason: str) -> None:
    other = replace(SERVICE, **changes)  # type: ignore[arg-type]  # sample values
    with pytest.raises(MicrosoftRefused, match=reason):
        await check_service_account(other, SERVICE.user_name, MSP, FakeStaffIndex())


@pytest.mark.parametrize("msp_id", [CONTOSO, FABRIKAM])
async def test_a_person_who_is_staff_of_any_msp_is_no_service_account(msp_id: MspId) -> None:
    staff = FakeStaffIndex()
    await staff.claim(OWN, SERVICE.object_id, msp_id)
    with pytest.raises(MicrosoftRefused, match="staff"):
        await check_service_account(SERVICE, SERVICE.user_name, MSP, staff)


async def test_where_nobody_can_be_asked_the_option_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(MalformedInput, match="account must be given"):
        await ask("Who? ", "account")
