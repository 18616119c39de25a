"""A link for a customer's administrator: works once, for one MSP and one tenant, and is proven."""

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
from consent.start_customer_session import start_customer_session
from consent.start_session import ConsentLink
from core.customer_grants import customer_grants
from core.sync_requests import SyncRequests
from domain.consent_session import ConsentOutcome, hash_state
from domain.errors import CustomerConsentRefused, InvalidStatus
from domain.identifiers import Epoch, MspId, SessionRef
from domain.ports.msp_store import MspHead
from domain.row_changes import Versioned
from domain.tenant import AppConsent, Tenant, TenantStatus
from edge.authorization import Caller
from tests.fakes.fuse import Died, Fuse
from tests.fakes.outside import FakeConsents, FakeIdentity, FakeQueues, FixedClock
from tests.fakes.storage import (
    FakeConsentSessions,
    FakeMspStore,
    FakePendingWork,
    FakeSyncSchedule,
    FakeSyncStates,
)
from tests.samples import CAUSE, CONTOSO, CUSTOMER, FABRIKAM, MSP, OTHER, OWN, OWNER, tenant

GRAPH = "https://graph.microsoft.com/"
LINK = ConsentLink("https://login.example", "https://api.example/consent/callback")
TROUBLE = AppConsent(refused="customer_not_listed", advice="Add it.", at=CAUSE.at)


class World:
    """Contoso and Fabrikam with one shared customer, whom Partner Center does not list."""

    def __init__(self, fuse: Fuse | None = None, customer: Tenant | None = None) -> None:
        guard = (fuse or Fuse()).guard
        self.clock = FixedClock()
        known = customer or tenant(app_consent=TROUBLE)
        self.store = FakeMspStore(
            *(MSP, OWNER, known, replace(MSP, msp_id=FABRIKAM)),
            replace(known, msp_id=FABRIKAM, epoch=Epoch("theirs")),
        )
        self.queues, self.work, self.states = FakeQueues(), FakePendingWork(), FakeSyncStates()
        self.consents, self.sessions = FakeConsents(), FakeConsentSessions()
        self.ports = ConsentPorts(
            guard(self.store),
            guard(self.sessions),
            SyncRequests(guard(self.states), FakeSyncSchedule(), guard(self.queues)),
            guard(self.work),
            guard(self.queues),
            FakeIdentity(AssertionError("the partner tenant's proof is not asked for")),
            self.clock,
            guard(self.consents),
            self.clock.pause,
        )

    async def link(self, msp_id: MspId = CONTOSO) -> str:
        """Make a link; return its page."""
        member = replace(OWNER, msp_id=msp_id)
        head = MspHead(Versioned(replace(MSP, msp_id=msp_id), ""), None, None)
        known = self.store.rows[msp_id, "Tenant", CUSTOMER].value
        cause = replace(CAUSE, at=self.clock.now())
        caller = Caller(member, head)
        started = await start_customer_session(self.ports, LINK, caller, known, cause)
        return started.consent_url

    async def state(self, msp_id: MspId = CONTOSO) -> str:
        return parse_qs(urlsplit(await self.link(msp_id)).query)["state"][0]

    async def accept(self, state: str, **changes: str) -> ConsentOutcome:
        good = {"tenant": CUSTOMER, "admin_consent": "True", "state": state, **changes}
        query = CallbackQuery.read({name: [value] for name, value in good.items()})
        return await receive_callback(self.ports, query, "request-2")

    async def work_on(self, state: str) -> None:
        await complete_consent(self.ports, SessionRef(CONTOSO, hash_state(state)), "request-3")

    def consented(self) -> None:
        """Let the administrator consent at Microsoft."""
        self.consents.given[CUSTOMER] = self.consents.version

    def of(self, msp_id: str = CONTOSO) -> Any:
        return self.store.rows[msp_id, "Tenant", CUSTOMER].value.app_consent

    def outcomes(self) -> list[str | None]:
        found = (known.value for known in self.store.rows.values())
        return [e.outcome for e in found if getattr(e, "action", "").startswith("consent.c")]


async def test_the_link_asks_the_customer_for_delegated_permissions_alone() -> None:
    world = World()
    parts = urlsplit(await world.link())
    query = parse_qs(parts.query)
    assert parts.path == f"/{CUSTOMER}/v2.0/adminconsent"
    assert query["client_id"] == [MSP.app.client_id]
    names = {scope.removeprefix(GRAPH) for scope in query["scope"][0].split()}
    assert names == customer_grants(MSP.app).scopes
    assert "User.Read.All" in names
    assert ".default" not in names
    assert len(query["state"][0]) >= 22
    assert query["state"][0] not in repr(world.sessions.rows) + repr(world.store.rows)
    (session,) = (known.value for known in world.sessions.rows.values())
    assert session.expires_at == world.clock.now() + timedelta(days=7)
    assert world.store.actions(CONTOSO) == ["consent.link_created"]


@pytest.mark.parametrize(
    "other",
    [
        tenant(is_own_msp_tenant=True),
        tenant(status=TenantStatus.OFFBOARDED),
        tenant(connection_lost_at=CAUSE.at),
    ],
)
async def test_there_is_no_link_for_what_is_no_customer_in_reach(other: Tenant) -> None:
    world = World(customer=other)
    with pytest.raises(InvalidStatus):
        await world.link()
    assert world.sessions.rows == {}


async def test_a_proven_consent_ends_the_trouble_and_is_synced() -> None:
    world = World()
    state = await world.state()
    world.consented()
    world.clock.advance(days=6)
    assert await world.accept(state) is ConsentOutcome.ENABLED
    assert (world.of().version, world.of().refused) == (world.consents.version, None)
    assert [ref.tenant_id for ref in world.queues.syncs] == [CUSTOMER]
    assert (world.outcomes(), world.work.rows) == (["enabled"], {})
    assert world.of(FABRIKAM) == TROUBLE


async def test_a_redirect_proves_nothing_by_itself() -> None:
    world = World()
    state = await world.state()
    assert await world.accept(state) is ConsentOutcome.PENDING
    assert (world.of(), world.queues.syncs) == (TROUBLE, [])
    world.clock.advance(minutes=11)
    await world.work_on(state)
    assert world.of().version is None
    assert (world.of().refused, world.work.rows) == ("customer_not_listed", {})


async def test_a_consent_that_propagates_is_completed_from_the_queue() -> None:
    world = World()
    state = await world.state()
    assert await world.accept(state) is ConsentOutcome.PENDING
    world.consented()
    world.clock.advance(seconds=5)
    await world.work_on(state)
    assert world.of().version == world.consents.version
    assert [ref.tenant_id for ref in world.queues.syncs] == [CUSTOMER]


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"tenant": OTHER}, ConsentOutcome.TENANT_MISMATCH),
        ({"tenant": OWN}, ConsentOutcome.TENANT_MISMATCH),
        ({"tenant": "contoso.com"}, ConsentOutcome.INVALID),
        ({"admin_consent": "False"}, ConsentOutcome.INVALID),
        ({"error": "consent_required"}, ConsentOutcome.DECLINED),
        ({"error": "server_error"}, ConsentOutcome.FAILED),
    ],
)
async def test_another_redirect_changes_nothing_and_spends_the_link(
    changes: dict[str, str], outcome: ConsentOutcome
) -> None:
    world = World()
    state = await world.state()
    world.consented()
    assert await world.accept(state, **changes) is outcome
    assert (world.of().version, world.of().refused) == (None, "customer_not_listed")
    assert await world.accept(state) is ConsentOutcome.INVALID
    assert (world.of().version, world.queues.syncs) == (None, [])


async def test_a_link_works_once_and_for_seven_days() -> None:
    world = World()
    world.consented()
    late, used = await world.state(), await world.state()
    assert await world.accept(used) is ConsentOutcome.ENABLED
    assert await world.accept(used) is ConsentOutcome.INVALID
    world.clock.advance(days=7)
    assert await world.accept(late) is ConsentOutcome.EXPIRED
    assert await world.accept("guessed") is ConsentOutcome.INVALID


async def test_a_link_of_one_msp_does_nothing_at_another() -> None:
    world = World()
    state = await world.state(FABRIKAM)
    world.consented()
    assert await world.accept(state) is ConsentOutcome.ENABLED
    assert world.of() == TROUBLE
    assert world.of(FABRIKAM).version == world.consents.version


async def test_two_redirects_at_once_record_one_consent() -> None:
    world = World()
    state = await world.state()
    world.consented()
    outcomes = await asyncio.gather(*(world.accept(state) for _ in range(5)))
    assert sorted(outcomes) == ["enabled", *["invalid"] * 4]
    assert world.outcomes() == ["enabled"]


async def test_a_service_account_that_is_refused_fails_the_link() -> None:
    world = World()
    state = await world.state()
    world.consents.token_refusal = CustomerConsentRefused("service_account_refused", "Sign in.")
    assert await world.accept(state) is ConsentOutcome.FAILED
    assert world.of().version is None


async def test_a_customer_who_was_removed_meanwhile_is_not_brought_back() -> None:
    world = World()
    state = await world.state()
    world.consented()
    del world.store.rows[CONTOSO, "Tenant", CUSTOMER]
    assert await world.accept(state) is ConsentOutcome.EXPIRED
    assert (CONTOSO, "Tenant", CUSTOMER) not in world.store.rows
    assert world.work.rows == {}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("declined", [False, True])
async def test_a_death_at_any_call_loses_no_outcome(after: bool, declined: bool) -> None:
    at = 0
    while True:
        at += 1
        world = World(Fuse(at, after=after))
        changes = {"error": "access_denied"} if declined else {}
        state = ""
        try:
            state = await world.state()
            world.consented()
            await world.accept(state, **changes)
        except Died:
            world.consented()
        else:
            break
        if not state:
            continue  # nobody has got the link
        await world.accept(state, **changes)
        await world.work_on(state)
        await world.work_on(state)
        actions = world.store.actions(CONTOSO)
        assert world.of().version == (None if declined else world.consents.version), at
        assert actions.count("consent.completed") == int(not declined), at
        assert bool(world.states.rows) is not declined, at  # a lost message is sent by the timer
        assert world.work.rows == {}, at
    assert at > 8
