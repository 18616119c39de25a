"""Every odd value in every field of Graph's responses about a tenant's data."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from adapters.graph.client import GraphClient
from adapters.graph.read_budget import ReadBudget
from adapters.graph.user_records import USER_PROPERTIES
from adapters.identity import TokenSource
from domain.sync_state import FIRST_SYNC, ReadState, SyncState
from domain.tenant import Tenant
from tests.fuzz.mutations import Mutation, mutations, some_of
from tests.fuzz.service import Service, opened
from tests.simulation import MSP, OWN, Simulation

_CASES = 12  # per response, unless FUZZ=all
_PATHS = {
    "users": "/users",
    "licences": "/subscribedSkus",
    "secureScore": "/security/secureScores",
    "conditionalAccessPolicies": "/identity/conditionalAccess/policies",
}
type Rows = Mapping[str, list[dict[str, Any]]]


@pytest.fixture
async def service(
    azurite: str,
    simulation: Simulation,
    tokens: TokenSource,
    graph: GraphClient,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Service]:
    await simulation.tenant(users=4, consented=True)
    async with opened(azurite, simulation, tokens, graph, monkeypatch) as service:
        yield service


@pytest.fixture
async def samples(tokens: TokenSource, graph: GraphClient, service: Service) -> dict[str, Any]:
    """The simulation's responses, cut to a few records."""
    assert service.msp_id
    token = await tokens.app_token(MSP, OWN)
    found = {}
    for name, path in _PATHS.items():
        selected = f"?$select={','.join(USER_PROPERTIES)}" if name == "users" else ""
        answer = await graph.get(f"{path}{selected}", token, ReadBudget(5))
        found[name] = {**answer, "value": answer["value"][:4]}
    found["users"]["value"][0]["assignedLicenses"] = [{"skuId": "a", "disabledPlans": []}]
    return found


def _faults(samples: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "path": f"{_PATHS[name]}$",
            "status": 200,
            "body": body,
            **({} if name == "users" else {"insideBatch": True}),
        }
        for name, body in samples.items()
    ]


async def _rows(service: Service, own: Tenant) -> Rows:
    users = await service.storage.records.page(own.ref, 1000)
    stored = await service.storage.tenant_data.read_all(own.ref)
    others = {name: stored.get(name, {}).values() for name in FIRST_SYNC if name != "users"}
    return {
        name: [dict(document) for document in documents]
        for name, documents in {"users": users.items, **others}.items()
    }


async def _expected(
    service: Service, samples: Mapping[str, Any]
) -> tuple[Rows, dict[str, dict[str, Any]]]:
    """Return the rows of the unchanged samples, and the row of each data set's first record."""
    clean = await service.of_another_msp()
    await service.simulation.faults(*_faults(samples))
    own = await clean.partner_tenant()
    state = await clean.sync(own)
    assert all(entry.state is ReadState.SUCCEEDED for entry in state.first_sets)
    rows = await _rows(clean, own)
    firsts = {name: _row_of(rows[name], samples[name]["value"][0]) for name in FIRST_SYNC}
    return rows, firsts


def _row_of(rows: list[dict[str, Any]], record: Mapping[str, Any]) -> dict[str, Any]:
    for name in ("id", "skuId"):
        for row in rows:
            if name in row and name in record and row[name] == record[name]:
                return row
    raise LookupError(record)


@pytest.mark.parametrize("name", FIRST_SYNC)
@pytest.mark.parametrize("was_read", [False, True], ids=["first read", "later read"])
async def test_an_odd_field_costs_its_record_alone(
    service: Service, samples: dict[str, Any], name: str, was_read: bool
) -> None:
    expected, firsts = await _expected(service, samples)
    broken: list[str] = []
    cases = [m for m in mutations(samples[name]) if not _names_fewer(m, was_read=was_read)]
    for mutation in some_of(cases, _CASES):
        case = await service.of_another_msp()
        own = await case.partner_tenant()
        if was_read:
            await service.simulation.faults(*_faults(samples))
            await case.sync(own)
            # Graph has lost the position, so the next read of the users is a full one.
            await service.simulation.tenant(expireDeltaLinks=True)
        await service.simulation.faults(*_faults({**samples, name: mutation.answer}))
        state, rows = await case.sync(own), await _rows(case, own)
        wrong = [
            *_wrong_elsewhere(state, name, rows, expected),
            *_wrong_here(state, mutation, rows[name], expected[name], firsts[name], name),
            *await case.broken_routes(),
        ]
        if was_read:
            wrong += _lost(rows[name], expected[name])
        broken += [f"{mutation}: {what}" for what in wrong]
    assert broken == []


def _names_fewer(mutation: Mutation, *, was_read: bool) -> bool:
    """Return whether a response has fewer records without being malformed."""
    match mutation:
        case Mutation(("value", _), "absent"):
            return True
        case Mutation(("value",), "a list"):
            return not was_read
    return False


def _wrong_elsewhere(state: SyncState, name: str, rows: Rows, expected: Rows) -> Iterator[str]:
    """Yield what is wrong with the data sets whose responses were normal."""
    for entry in state.first_sets:
        if entry.name != name:
            if entry.state is not ReadState.SUCCEEDED or entry.error:
                yield f"{entry.name} is {entry.state}: {entry.error}"
            if rows[entry.name] != expected[entry.name]:
                yield f"other rows of {entry.name}"


def _wrong_here(
    state: SyncState,
    mutation: Mutation,
    rows: list[dict[str, Any]],
    expected: list[dict[str, Any]],
    first: dict[str, Any],
    name: str,
) -> Iterator[str]:
    """Yield what is wrong with the records other than the odd one, and with the state."""
    entry = state.data_set(name)
    if mutation.place[:2] == ("value", 0):
        lost = [row for row in expected if row != first and row not in rows]
        if lost:
            yield f"{len(lost)} other records are lost"
    if len(rows) < len(expected) and entry.state is ReadState.SUCCEEDED and not entry.error:
        yield "a record is missing, and nothing says so"
    if entry.state is ReadState.PENDING:
        yield "nothing came of it"


def _lost(rows: list[dict[str, Any]], expected: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a finding if a stored record has been removed."""
    if len(rows) < len(expected):
        yield f"{len(expected) - len(rows)} records that were held are lost"
