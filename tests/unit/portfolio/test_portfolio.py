"""Search and summary over all of an MSP's tenants."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.folding import fold
from domain.identifiers import Epoch, TenantId, TenantRef
from domain.ports.user_index import BlockReplacement
from domain.sync_state import ReadState, RollUp, SyncPhase, SyncState, SyncSummary
from domain.tenant import ListedTenant, Tenant, TenantScope, TenantStatus
from domain.user_block import UserBlock, blocks_of, entry_of
from portfolio.requests import UserSearch
from portfolio.search import MOST, search
from portfolio.search_users import SearchResult, search_users
from portfolio.summary import summarise
from portfolio.user_search_cache import CachedUsers
from tests.fakes.outside import FixedClock
from tests.fakes.portfolio import FakePortfolio, FakeUserIndex
from tests.fakes.storage import FakeMspStore, FakeSyncStates
from tests.samples import CONTOSO, CUSTOMER, FABRIKAM, MSP, NOW, OTHER, OWN, tenant

PEOPLE = ["Ådele Vance", "adèle", "ADELE B", "Björn", "李娜", "Straße", "O'Neil", None]
USERS = st.fixed_dictionaries(
    {
        "displayName": st.sampled_from(PEOPLE),
        "userPrincipalName": st.sampled_from(["adele@contoso.com", "b@fabrikam.com", "ÜSER@x.de"]),
        "mail": st.sampled_from([None, "adele@x.com", "nobody@x.com"]),
        "accountEnabled": st.sampled_from([True, False, None]),
    }
)
FIELDS = ("displayName", "userPrincipalName", "mail")


def listed(number: int) -> ListedTenant:
    ref = TenantRef(CONTOSO, TenantId(f"tenant-{number}"), Epoch("e"))
    return ListedTenant(
        ref, f"Tenant {number}", is_own_msp_tenant=False, status=TenantStatus.ACTIVE
    )


def naive(tenants: list[list[dict[str, Any]]], wanted: str, most: int) -> list[tuple[str, str]]:
    """Filter all users, sort them, and take the first."""
    found = []
    for number, users in enumerate(tenants):
        for position, user in enumerate(users):
            folded = [fold(user[field] or "") for field in FIELDS]
            if any(wanted in text for text in folded):
                order = (user["accountEnabled"] is not True, folded)
                found.append((order, f"tenant-{number}", f"{number}.{position:03d}"))
    return [(tenant_id, key) for _, tenant_id, key in sorted(found)[:most]]


@given(
    st.lists(st.lists(USERS, max_size=12), max_size=4),
    st.sampled_from(["ad", "ÈLE", "@x", "b@", "li", "李", "ss", "com", "e b", "zz", "o'n", "er@"]),
    st.integers(1, 10),
)
@example([[dict.fromkeys(FIELDS, "adele") | {"accountEnabled": True}] * 120] * 2, "ad", MOST)
def test_a_search_finds_what_a_filter_over_all_users_finds(
    tenants: list[list[dict[str, Any]]], text: str, most: int
) -> None:
    blocks = []
    for number, users in enumerate(tenants):
        entries = {
            f"{number}.{n:03d}": entry_of(f"{number}.{n:03d}", u) for n, u in enumerate(users)
        }
        halves = [dict(list(entries.items())[part::2]) for part in range(2)]
        blocks += [(listed(number), b) for half in halves for b in blocks_of("", half)]
    found = search(blocks, fold(text), most)
    got = [(user.tenant.ref.tenant_id, user.user["id"]) for user in found]
    expected = naive(tenants, fold(text), most)
    assert len(got) == len(expected)
    keys = {
        f"{number}.{n:03d}": ([fold(u[f] or "") for f in FIELDS], u)
        for number, users in enumerate(tenants)
        for n, u in enumerate(users)
    }
    # Users with the same name and address sort equally; which of them are returned is undefined.
    assert [keys[key][0] for _, key in got] == [keys[key][0] for _, key in expected]
    for user in found:
        source = keys[user.user["id"]][1]
        assert {field: user.user[field] for field in (*FIELDS, "accountEnabled")} == source


@pytest.mark.parametrize(
    ("text", "wanted"), [("  Åd ", "ad"), ("ß s", "ss s"), ("李娜", "李娜"), ("a\tb", "a b")]
)
def test_a_query_is_folded_as_the_index_is(text: str, wanted: str) -> None:
    assert UserSearch.model_validate({"search": text}).search == wanted


@pytest.mark.parametrize(
    "text", ["", " ", "a", " a ", "é", "e\u0301", "ß", "\u200b\u200b", "x" * 201]
)
def test_a_query_of_fewer_than_two_characters_is_malformed(text: str) -> None:
    with pytest.raises(ValidationError):
        UserSearch.model_validate({"search": text})


class Portfolio:
    """Two MSPs that share a customer, and a cache in front of their stored users."""

    def __init__(self) -> None:
        self.own = tenant(OWN, is_own_msp_tenant=True, display_name="Contoso MSP")
        self.customer, self.other = tenant(CUSTOMER), tenant(OTHER, display_name="Other")
        self.theirs = tenant(CUSTOMER, msp_id=FABRIKAM, epoch=Epoch("theirs"))
        self.tenants = [self.own, self.customer, self.other, self.theirs]
        self.store = FakeMspStore(MSP, *self.tenants)
        self.states, self.index, self.clock = FakeSyncStates(), FakeUserIndex(), FixedClock()
        self.reader = FakePortfolio(self.store, self.states)
        self.users = CachedUsers(self.index, self.reader, self.clock, timedelta(seconds=10))
        self.reads: list[str] = []
        for name in ("of_msp", "versions", "read"):
            self._note(name)

    def _note(self, name: str) -> None:
        method = getattr(self.index, name)

        async def noted(*args: Any) -> Any:
            self.reads.append(name)
            await asyncio.sleep(0)
            return await method(*args)

        setattr(self.index, name, noted)

    async def synced(
        self, of: Tenant, *names: str, users: ReadState = ReadState.SUCCEEDED, **figures: Any
    ) -> None:
        """Store a tenant's users in the index, and its sync state."""
        entries = {n: entry_of(n, {"displayName": n, "accountEnabled": True}) for n in names}
        await self.index.write(of.ref, [BlockReplacement("", blocks_of("", entries))])
        state = SyncState(of.ref, SyncPhase.SUCCEEDED, NOW, first_synced_at=NOW)
        read = replace(state.data_set("users"), state=users, synced_at=NOW)
        await self.states.remove(of.ref)
        await self.states.add(replace(state.with_data_set(read), roll_up=RollUp(**figures)))

    async def search(self, wanted: str = "adele") -> SearchResult:
        return await search_users(self.reader, self.users, CONTOSO, wanted)

    async def found(self) -> list[tuple[str, str]]:
        result = await self.search()
        return [(each.tenant.display_name, each.user["id"]) for each in result.found]

    def change(self, of: Tenant, **changes: Any) -> None:
        known = self.store.rows[of.msp_id, "Tenant", of.tenant_id]
        changed = replace(known, value=replace(known.value, **changes))
        self.store.rows[of.msp_id, "Tenant", of.tenant_id] = changed


async def test_every_tenant_of_the_msp_is_searched_and_no_other_msps() -> None:
    portfolio = Portfolio()
    for each in portfolio.tenants:
        await portfolio.synced(each, f"Adele of {each.ref.epoch}")
    assert await portfolio.found() == [
        ("Contoso MSP", f"Adele of {portfolio.own.epoch}"),
        (portfolio.customer.display_name, f"Adele of {portfolio.customer.epoch}"),
        ("Other", f"Adele of {portfolio.other.epoch}"),
    ]


async def test_offboarded_and_removed_tenants_show_no_more_though_they_are_in_memory() -> None:
    portfolio = Portfolio()
    for each in portfolio.tenants:
        await portfolio.synced(each, "Adele")
    assert len(await portfolio.found()) == 3
    portfolio.change(portfolio.other, status=TenantStatus.OFFBOARDED)
    portfolio.change(portfolio.customer, epoch=Epoch("later"), display_name="New")
    portfolio.change(portfolio.own, display_name="Renamed")
    assert await portfolio.found() == [("Renamed", "Adele")]
    assert [each.display_name for each in (await portfolio.search()).failed] == ["New"]
    portfolio.change(portfolio.other, status=TenantStatus.SUSPENDED)
    assert len(await portfolio.found()) == 2
    del portfolio.store.rows[CONTOSO, "Tenant", OWN]
    assert [name for name, _ in await portfolio.found()] == ["Other"]


async def test_tenants_whose_users_were_not_read_are_told_and_their_old_users_still_found() -> None:
    portfolio = Portfolio()
    await portfolio.synced(portfolio.customer, "Adele", users=ReadState.FAILED)
    result = await portfolio.search()
    assert [each.user["id"] for each in result.found] == ["Adele"]
    # The partner tenant is not shown before its first sync.
    assert [each.ref.tenant_id for each in result.failed] == [CUSTOMER, OTHER]


async def test_what_is_in_memory_is_compared_by_version_once_it_is_old() -> None:
    portfolio = Portfolio()
    await portfolio.synced(portfolio.customer, "Adele")
    await portfolio.synced(portfolio.other, "Adele")
    assert len(await portfolio.found()) == 2
    await portfolio.synced(portfolio.other, "Adele", "Adele B")
    portfolio.reads.clear()
    assert len(await portfolio.found()) == 2
    assert portfolio.reads == []
    portfolio.clock.advance(seconds=10)
    assert len(await portfolio.found()) == 3
    assert portfolio.reads == ["versions", "read"]
    portfolio.clock.advance(seconds=10)
    await portfolio.index.purge(portfolio.other.ref)
    portfolio.reads.clear()
    assert len(await portfolio.found()) == 1
    assert portfolio.reads == ["versions"]


async def test_a_block_that_is_divided_during_a_read_is_read_in_its_parts() -> None:
    portfolio = Portfolio()
    await portfolio.synced(portfolio.customer, "Adele")
    await portfolio.found()
    await portfolio.synced(portfolio.customer, "Adele", "Adele B")
    portfolio.clock.advance(seconds=10)
    read = portfolio.index.read

    async def divide_first(keys: Any) -> Any:
        portfolio.index.read = read  # type: ignore[method-assign]  # once
        whole = portfolio.index.rows.pop((portfolio.customer.ref, ""))
        for name in ("0", "1"):
            block = replace(whole.value, name=name)
            await portfolio.index.write(portfolio.customer.ref, [BlockReplacement(name, [block])])
        return await read(keys)

    portfolio.index.read = divide_first  # type: ignore[method-assign]  # between two reads
    assert len(await portfolio.found()) == 4


async def test_a_block_that_is_divided_between_two_pages_shows_no_user_twice() -> None:
    """A listing of several pages reads the block on one page, and its parts on the next."""
    portfolio = Portfolio()
    await portfolio.synced(portfolio.customer, "Adele", "Adele B")
    whole = portfolio.index.rows[portfolio.customer.ref, ""]
    for block in (replace(whole.value, name="0"), UserBlock.of("1", [])):
        await portfolio.index.write(portfolio.customer.ref, [BlockReplacement(block.name, [block])])
    portfolio.index.rows[portfolio.customer.ref, ""] = whole
    assert len(await portfolio.found()) == 2


async def test_searches_at_once_share_one_read_and_one_that_leaves_stops_no_other() -> None:
    portfolio = Portfolio()
    await portfolio.synced(portfolio.customer, "Adele")
    searches = [asyncio.ensure_future(portfolio.search()) for _ in range(5)]
    await asyncio.sleep(0)
    searches[0].cancel()
    results = await asyncio.gather(*searches[1:])
    assert [len(result.found) for result in results] == [1] * 4
    assert portfolio.reads == ["of_msp"]


async def test_memory_is_bounded_and_the_msp_that_searched_last_stays() -> None:
    portfolio = Portfolio()
    await portfolio.synced(portfolio.customer, "Adele")
    await portfolio.synced(portfolio.theirs, "Adele")
    users = CachedUsers(
        portfolio.index, portfolio.reader, portfolio.clock, timedelta(hours=1), most_bytes=1
    )
    for msp_id in (CONTOSO, CONTOSO, FABRIKAM, FABRIKAM, CONTOSO):
        assert len((await users.of_msp(msp_id)).by_tenant) == 1
    assert portfolio.reads == ["of_msp"] * 3


def test_a_summary_adds_up_what_is_known_and_takes_no_unread_figure_for_zero() -> None:
    own = ListedTenant.of(tenant(OWN, is_own_msp_tenant=True))
    customer, new = ListedTenant.of(tenant(CUSTOMER)), ListedTenant.of(tenant(OTHER))
    gone = replace(new, status=TenantStatus.OFFBOARDED, ref=replace(new.ref, epoch=Epoch("gone")))
    figures = RollUp(3, 2, 10, 5, 20.1, 50.0, 1, 2, 3)
    later = NOW + timedelta(hours=1)
    summaries = {
        own.ref: SyncSummary(figures, NOW, later, ReadState.SUCCEEDED),
        customer.ref: SyncSummary(RollUp(users=4, secure_score=0.2), NOW, NOW, ReadState.SUCCEEDED),
        gone.ref: SyncSummary(figures, NOW, NOW, ReadState.SUCCEEDED),
    }
    tenants = [own, customer, new, gone]
    summary = summarise(tenants, summaries, TenantScope.ALL)
    assert [each.tenant for each in summary.tenants] == [own, customer, new]
    assert summary.total == RollUp(7, 2, 10, 5, 20.3, 50.0, 1, 2, 3)
    assert [each.synced_at for each in summary.tenants] == [later, NOW, None]
    assert summary.synced_at == NOW
    assert summarise(tenants, summaries, TenantScope.PARTNER).total == figures
    customers = summarise(tenants, summaries, TenantScope.CUSTOMERS)
    assert [each.tenant for each in customers.tenants] == [customer, new]
    before_first_sync = {own.ref: SyncSummary(RollUp(), None, None, ReadState.PENDING)}
    assert summarise([own], before_first_sync, TenantScope.ALL).tenants == []
    assert summarise([], {}, TenantScope.ALL).total == RollUp()
