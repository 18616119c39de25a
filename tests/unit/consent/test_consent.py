import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from consent.callback_query import CallbackQuery
from consent.complete_consent import complete_consent
from consent.ports import ConsentPorts
from consent.receive_callback import receive_callback
from consent.start_session import ConsentLink, start_session
from core.capabilities import MANIFEST
from core.sync_requests import SyncRequests
from domain.consent_session import ConsentOutcome, ConsentSession
from domain.errors import (
    ConsentRequired,
    MicrosoftRefused,
    MicrosoftUnavailable,
    OrganizationMismatch,
)
from domain.identifiers import SessionHash, SessionRef, TenantId
from domain.partner_tenant import enable
from domain.roles import Role
from domain.row_changes import Insert
from domain.tenant import Organization, PartnerTenantClaim, Tenant
from domain.work_queues import COMPLETE_CONSENT
from tests.fakes.outside import FakeConsents, FakeIdentity, FakeQueues, FixedClock
from tests.fakes.storage import (
    FakeConsentSessions,
    FakeMspStore,
    FakePendingWork,
    FakeSyncSchedule,
    FakeSyncStates,
)
from tests.samples import (
    CAUSE,
    CONTOSO,
    MSP,
    NOW,
    ORGANIZATION,
    OTHER,
    OWN,
    OWNER,
    tenant,
)

LINK = ConsentLink("https://login.example", "https://api.example/consent/callback")
SCOPE = "https://graph.microsoft.com/.default"


class World:
    """An MSP with one owner, and a scripted Microsoft."""

    def __init__(
        self, *script: Organization | BaseException, rows: tuple[Tenant, ...] = ()
    ) -> None:
        self.clock = FixedClock()
        self.store = FakeMspStore(MSP, OWNER, *rows)
        self.queues, self.pending_work = FakeQueues(), FakePendingWork()
        self.identity = FakeIdentity(*(script or (ORGANIZATION,)))
        self.sessions, self.consents = FakeConsentSessions(), FakeConsents()
        self.ports = ConsentPorts(
            self.store,
            self.sessions,
            SyncRequests(FakeSyncStates(), FakeSyncSchedule(), self.queues),
            self.pending_work,
            self.queues,
            self.identity,
            self.clock,
            self.consents,
            self.clock.pause,
        )

    async def start(self) -> str:
        cause = replace(CAUSE, at=self.clock.now())
        started = await start_session(self.ports, LINK, MSP, OWNER, cause)
        return parse_qs(urlsplit(started.consent_url).query)["state"][0]

    async def redirect(self, **arguments: str | list[str]) -> ConsentOutcome:
        lists = {k: v if isinstance(v, list) else [v] for k, v in arguments.items()}
        return await receive_callback(self.ports, CallbackQuery.read(lists), "request-2")

    async def accept(self, spent: str, /, **changes: str | list[str]) -> ConsentOutcome:
        good: dict[str, str | list[str]] = {
            "tenant": OWN,
            "admin_consent": "True",
            "state": spent,
            "scope": SCOPE,
        }
        return await self.redirect(**{k: v for k, v in {**good, **changes}.items() if v != []})

    @property
    def partner_tenants(self) -> int:
        return len(self.store.of_kind(Tenant, CONTOSO))

    def last_refusal(self, msp_id: str = CONTOSO) -> str | None:
        events = [k.value for k in self.store.rows.values() if hasattr(k.value, "action")]
        refused = [e for e in events if e.action == "consent.refused" and e.msp_id == msp_id]
        return refused[-1].outcome if refused else None


async def test_the_link_leads_to_the_owners_own_tenant_and_its_state_is_not_stored() -> None:
    world = World()
    started = await start_session(world.ports, LINK, MSP, OWNER, CAUSE)
    parts = urlsplit(started.consent_url)
    query = parse_qs(parts.query)
    assert parts.path == f"/{OWN}/v2.0/adminconsent"
    assert query["scope"] == [SCOPE]
    assert len(query["state"][0]) >= 22
    assert query["state"][0] not in repr(world.sessions.rows)


async def test_without_a_registered_app_there_is_nothing_to_consent_to() -> None:
    world, msp = World(), replace(MSP, app=replace(MSP.app, client_id=None))
    with pytest.raises(MicrosoftRefused):
        await start_session(world.ports, LINK, msp, OWNER, CAUSE)
    assert world.sessions.rows == {}


async def test_consent_enables_the_tenant_and_queues_its_first_sync() -> None:
    world = World()
    assert await world.accept(await world.start()) is ConsentOutcome.ENABLED
    assert world.partner_tenants == 1
    assert len(world.queues.syncs) == 1
    assert world.pending_work.rows == {}
    head = await world.store.head(CONTOSO)
    assert head is not None
    assert head.consent is not None
    assert head.consent.value.detected_tenant_id == OWN


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"tenant": OTHER}, ConsentOutcome.TENANT_MISMATCH),
        ({"tenant": OWN.upper()[:-1] + "A"}, ConsentOutcome.TENANT_MISMATCH),
        ({"tenant": "contoso.com"}, ConsentOutcome.INVALID),
        ({"tenant": []}, ConsentOutcome.INVALID),
        ({"tenant": [OWN, OWN]}, ConsentOutcome.INVALID),
        ({"tenant": [OWN, OTHER]}, ConsentOutcome.INVALID),
        ({"admin_consent": []}, ConsentOutcome.INVALID),
        ({"admin_consent": "False"}, ConsentOutcome.INVALID),
        ({"admin_consent": ["True", "True"]}, ConsentOutcome.INVALID),
        ({"scope": ["a", "b"]}, ConsentOutcome.INVALID),
        ({"error": "consent_required"}, ConsentOutcome.DECLINED),
        ({"error": "access_denied"}, ConsentOutcome.DECLINED),
        ({"error": "server_error"}, ConsentOutcome.FAILED),
        ({"error": ["access_denied", "x"]}, ConsentOutcome.INVALID),
    ],
)
async def test_a_redirect_that_is_not_exactly_right_enables_nothing_and_spends_its_state(
    changes: dict[str, str | list[str]], outcome: ConsentOutcome
) -> None:
    world = World()
    state = await world.start()
    assert await world.accept(state, **changes) is outcome
    assert world.partner_tenants == 0
    assert world.identity.asked == []
    assert world.last_refusal() == outcome
    assert await world.accept(state) is ConsentOutcome.INVALID
    assert world.partner_tenants == 0


async def test_a_redirect_without_a_scope_or_in_upper_case_is_taken() -> None:
    world = World()
    assert await world.accept(await world.start(), scope=[]) is ConsentOutcome.ENABLED
    tid = "abcdefab-cdef-4abc-8def-abcdefabcdef"
    query = CallbackQuery.read({"tenant": [tid.upper()], "admin_consent": ["True"]})
    refused = query.refusal(
        ConsentSession(SessionHash("s"), CONTOSO, TenantId(tid), OWNER.oid, "Adele", NOW),
        NOW - timedelta(seconds=1),
    )
    assert refused is None


@pytest.mark.parametrize("state", ["guessed", "", "x" * 600])
async def test_a_guessed_state_writes_nothing(state: str) -> None:
    world = World()
    await world.start()
    before = dict(world.store.rows), dict(world.sessions.rows), dict(world.pending_work.rows)
    assert await world.accept(state) is ConsentOutcome.INVALID
    assert (world.store.rows, world.sessions.rows, world.pending_work.rows) == before


async def test_a_state_that_comes_again_and_again_is_recorded_once() -> None:
    world = World()
    state = await world.start()
    assert await world.accept(state) is ConsentOutcome.ENABLED
    await asyncio.gather(*(world.accept(state) for _ in range(20)))
    for _ in range(5):
        assert await world.accept(state) is ConsentOutcome.INVALID
    assert world.store.actions(CONTOSO).count("consent.refused") == 1


async def test_a_session_is_closed_though_its_state_comes_again_meanwhile() -> None:
    world = World()
    state = await world.start()
    replace_session, times = world.sessions.replace, 0

    async def disturbed(session: ConsentSession, version: str) -> None:
        nonlocal times
        times += 1
        if session.finished_at and times == 2:
            await world.accept(state)
        await replace_session(session, version)

    world.sessions.replace = disturbed  # type: ignore[method-assign]
    assert await world.accept(state) is ConsentOutcome.ENABLED
    (known,) = world.sessions.rows.values()
    assert known.value.finished_at is not None
    assert known.value.reused_at is not None
    assert world.pending_work.rows == {}


@pytest.mark.parametrize(
    "outcome", [ConsentOutcome.EXISTING_TENANT, ConsentOutcome.PARTNER_TENANT_EXISTS]
)
async def test_only_the_partner_tenants_consent_is_noted_as_its_permissions(
    outcome: ConsentOutcome,
) -> None:
    world = World()
    world.identity.script = [replace(ORGANIZATION, permissions=MANIFEST)]
    if outcome is ConsentOutcome.EXISTING_TENANT:
        await world.store.commit((Insert(tenant(OWN)),))
    else:
        other = tenant(OTHER, is_own_msp_tenant=True)
        await world.store.commit(
            (Insert(other), Insert(PartnerTenantClaim(CONTOSO, TenantId(OTHER))))
        )
    assert await world.accept(await world.start()) is outcome
    head = await world.store.head(CONTOSO)
    assert head is not None
    assert head.msp.value.consented_manifest is None


async def test_a_doubled_or_missing_state_enables_nothing() -> None:
    world = World()
    state = await world.start()
    assert await world.accept(state, state=[]) is ConsentOutcome.INVALID
    assert world.last_refusal() is None
    assert await world.accept(state, state=[state, state]) is ConsentOutcome.INVALID
    assert world.last_refusal() == "invalid"
    assert await world.accept(state) is ConsentOutcome.INVALID
    assert world.partner_tenants == 0


async def test_an_expired_state_enables_nothing() -> None:
    world = World()
    state = await world.start()
    world.clock.advance(minutes=15)
    assert await world.accept(state) is ConsentOutcome.EXPIRED
    assert world.last_refusal() == "expired"


async def test_a_reused_state_does_not_disturb_the_outcome_that_stands() -> None:
    world = World()
    state = await world.start()
    await world.accept(state)
    assert await world.accept(state) is ConsentOutcome.INVALID
    head = await world.store.head(CONTOSO)
    assert head is not None
    assert head.consent is not None
    assert head.consent.value.outcome is ConsentOutcome.ENABLED


async def test_a_starter_who_is_no_owner_any_more_enables_nothing() -> None:
    world = World()
    state = await world.start()
    (member,) = world.store.of_kind(type(OWNER), CONTOSO)
    object.__setattr__(member.value, "role", Role.ADMIN)
    try:
        assert await world.accept(state) is ConsentOutcome.INVALID
    finally:
        object.__setattr__(member.value, "role", Role.OWNER)
    assert world.partner_tenants == 0


@pytest.mark.parametrize("error", [MicrosoftRefused("x"), OrganizationMismatch("x")])
async def test_what_no_waiting_will_mend_fails_at_once(error: Exception) -> None:
    world = World(error)
    assert await world.accept(await world.start()) is ConsentOutcome.FAILED
    assert world.partner_tenants == 0
    assert len(world.identity.asked) == 1
    assert world.last_refusal() == "failed"


async def test_consent_that_propagates_within_seconds_is_met_in_the_callback() -> None:
    world = World(ConsentRequired("x"), MicrosoftUnavailable("x"), ORGANIZATION)
    assert await world.accept(await world.start()) is ConsentOutcome.ENABLED


async def test_consent_that_takes_longer_is_pending_and_completed_from_the_queue() -> None:
    world = World(ConsentRequired("x"))
    assert await world.accept(await world.start()) is ConsentOutcome.PENDING
    (ref,) = world.queues.consents
    await complete_consent(world.ports, ref, "request-3")
    assert world.partner_tenants == 0
    world.identity.script = [ORGANIZATION]
    await complete_consent(world.ports, world.queues.consents[-1], "request-4")
    assert world.partner_tenants == 1
    assert len(world.queues.syncs) == 1
    await complete_consent(world.ports, ref, "request-5")
    assert world.store.actions(CONTOSO).count("consent.completed") == 1


async def test_a_pending_consent_is_given_up_after_ten_minutes() -> None:
    world = World(ConsentRequired("x"))
    await world.accept(await world.start())
    world.clock.advance(minutes=11)
    await complete_consent(world.ports, world.queues.consents[-1], "request-3")
    assert world.last_refusal() == "failed"
    assert world.pending_work.rows == {}


async def test_disable_ends_a_pending_consent() -> None:
    world = World(ConsentRequired("x"))
    await world.accept(await world.start())
    consent = ("ConsentRecord",)
    del world.store.rows[CONTOSO, *consent]
    world.identity.script = [ORGANIZATION]
    await complete_consent(world.ports, world.queues.consents[-1], "request-3")
    assert world.partner_tenants == 0
    assert world.pending_work.rows == {}


async def test_a_crash_after_the_state_is_spent_is_made_good_from_the_record() -> None:
    world = World(SystemExit("the process dies here"))
    with pytest.raises(SystemExit):
        await world.accept(await world.start())
    ((queue, ref),) = world.pending_work.rows
    assert queue is COMPLETE_CONSENT
    world.identity.script = [ORGANIZATION]
    await complete_consent(world.ports, ref, "request-3")  # type: ignore[arg-type]  # a session's
    assert world.partner_tenants == 1


async def test_a_crash_before_a_refusal_is_written_down_is_made_good_from_the_record() -> None:
    world = World()
    state, commit = await world.start(), world.store.commit

    async def die(*_: Any) -> None:
        raise SystemExit

    world.store.commit = die  # type: ignore[method-assign, assignment]  # a kill
    with pytest.raises(SystemExit):
        await world.accept(state, tenant=OTHER)
    world.store.commit = commit  # type: ignore[method-assign]
    ((_, ref),) = world.pending_work.rows
    await complete_consent(world.ports, ref, "request-3")  # type: ignore[arg-type]  # a session's
    assert world.last_refusal() == "tenant_mismatch"
    assert world.pending_work.rows == {}
    assert await world.accept(state) is ConsentOutcome.INVALID
    assert world.partner_tenants == 0


async def test_an_error_before_the_state_is_spent_leaves_the_session_to_another_redirect() -> None:
    world = World()
    state, find = await world.start(), world.sessions.find

    async def fail(*_: Any) -> None:
        raise RuntimeError

    world.sessions.find = fail  # type: ignore[method-assign, assignment]  # a fault
    assert await world.accept(state) is ConsentOutcome.FAILED
    world.sessions.find = find  # type: ignore[method-assign]
    assert await world.accept(state) is ConsentOutcome.ENABLED


async def test_what_nobody_expected_leaves_the_consent_to_the_queue_until_it_is_given_up() -> None:
    world = World(RuntimeError("a surprise"))
    assert await world.accept(await world.start()) is ConsentOutcome.PENDING
    ((_, ref),) = world.pending_work.rows
    with pytest.raises(RuntimeError):
        await complete_consent(world.ports, ref, "request-3")  # type: ignore[arg-type]  # a session's
    world.clock.advance(minutes=11)
    await complete_consent(world.ports, ref, "request-4")  # type: ignore[arg-type]  # a session's
    assert world.last_refusal() == "failed"
    assert world.pending_work.rows == {}


@pytest.mark.parametrize("queued", [False, True], ids=["in the callback", "from the queue"])
async def test_a_disable_while_microsoft_is_asked_ends_the_consent(queued: bool) -> None:
    world = World(ConsentRequired("x"))
    state = await world.start()

    async def disable_meanwhile(*_: Any) -> Organization:
        del world.store.rows[CONTOSO, "ConsentRecord"]
        return ORGANIZATION

    if queued:
        assert await world.accept(state) is ConsentOutcome.PENDING
    world.identity.prove_consent = disable_meanwhile  # type: ignore[method-assign, assignment]
    if queued:
        await complete_consent(world.ports, world.queues.consents[-1], "request-3")
    else:
        assert await world.accept(state) is ConsentOutcome.EXPIRED
    assert world.partner_tenants == 0
    assert world.last_refusal() == "expired"
    assert world.pending_work.rows == {}


async def test_an_older_session_that_fails_leaves_a_newer_ones_outcome() -> None:
    world = World()
    older, newer = await world.start(), await world.start()
    assert await world.accept(newer) is ConsentOutcome.ENABLED
    world.identity.script = [MicrosoftRefused("x")]
    assert await world.accept(older) is ConsentOutcome.FAILED
    head = await world.store.head(CONTOSO)
    assert head is not None
    assert head.consent is not None
    assert head.consent.value.outcome is ConsentOutcome.ENABLED
    assert head.consent.value.detected_tenant_id == OWN
    assert world.last_refusal() == "failed"


async def test_a_session_that_is_not_spent_is_left_alone_until_it_expires() -> None:
    world = World()
    await world.start()
    (session,) = (known.value for known in world.sessions.rows.values())
    await complete_consent(world.ports, SessionRef(CONTOSO, session.session), "request-3")
    assert world.partner_tenants == 0
    assert session.expires_at - world.clock.now() == timedelta(minutes=15)


async def test_an_existing_customer_row_stays_a_customer() -> None:
    world = World(rows=(tenant(OWN),))
    assert await world.accept(await world.start()) is ConsentOutcome.EXISTING_TENANT
    (known,) = world.store.of_kind(Tenant, CONTOSO)
    assert known.value.is_own_msp_tenant is False
    assert world.queues.syncs == []


async def test_another_partner_tenant_in_place_stays() -> None:
    world = World()
    other = Organization(OTHER, "Other", None)
    decision = enable(await world.store.tenant_records(CONTOSO, OTHER), other, CAUSE, convert=False)
    await world.store.commit(decision.operations)
    assert await world.accept(await world.start()) is ConsentOutcome.PARTNER_TENANT_EXISTS
    assert world.partner_tenants == 1


async def test_a_re_consent_creates_nothing_and_queues_a_sync() -> None:
    world = World()
    await world.accept(await world.start())
    world.clock.advance(hours=1)
    (ref,) = world.queues.syncs
    assert await world.accept(await world.start()) is ConsentOutcome.ENABLED
    assert world.queues.syncs == [ref, ref]
    assert world.store.actions(CONTOSO).count("tenant.enabled") == 1
