"""Microsoft's msgraph-sdk reads the same fields from the simulation as a sync stored."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from msgraph.generated.users.users_request_builder import UsersRequestBuilder

from adapters.graph.client import GraphClient
from adapters.identity import TokenSource
from domain.sync_state import FIRST_SYNC, SyncPhase
from tests.clients.msgraph import all_of, client_of
from tests.faults.synced import Synced, synced
from tests.simulation import MSP, OWN, Simulation

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
_Parameters = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters
_Configuration = UsersRequestBuilder.UsersRequestBuilderGetRequestConfiguration


@pytest.fixture
async def own(
    azurite: str, simulation: Simulation, tokens: TokenSource, graph: GraphClient
) -> AsyncIterator[Synced]:
    """A tenant of three pages of users, synced."""
    await simulation.tenant(users=2100, consented=True)
    async with synced(azurite, simulation, tokens, graph) as opened:
        assert (await opened.sync()).phase is SyncPhase.SUCCEEDED
        yield opened


def as_stored(read: Any, stored: Any) -> Any:
    """Return what was read in the stored form: the same properties and time format."""
    if isinstance(stored, dict) and isinstance(read, dict):
        return {name: as_stored(read.get(name), value) for name, value in stored.items()}
    if isinstance(stored, list) and isinstance(read, list):
        return [as_stored(*pair) for pair in zip(read, stored, strict=True)]
    if isinstance(stored, str) and _MOMENT.fullmatch(stored):
        same = datetime.fromisoformat(read) == datetime.fromisoformat(stored)
        return stored if same else read
    return read


def by_id(rows: list[dict[str, Any]], name: str = "id") -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row[name]))


async def test_it_agrees_with_sync_on_every_field(own: Synced, tokens: TokenSource) -> None:
    stored = {name: await own.stored(name) for name in FIRST_SYNC}
    for licence in stored["licences"]:
        del licence["productName"]  # The product adds it, from Microsoft's list of names.
    async with client_of(own.simulation, await tokens.app_token(MSP, OWN)) as client:
        select = list(stored["users"][0])
        query = _Configuration(query_parameters=_Parameters(select=select, top=999))
        first = {
            "users": await client.users.get(query),
            "licences": await client.subscribed_skus.get(),
            "secureScore": await client.security.secure_scores.get(),
            "conditionalAccessPolicies": await client.identity.conditional_access.policies.get(),
        }
        read = {name: await all_of(client, page) for name, page in first.items()}
    for name, items in read.items():
        key = "skuId" if name == "licences" else "id"
        theirs, ours = by_id(items, key), by_id(stored[name], key)
        assert len(theirs) == len(ours) > 0, name
        for one, other in zip(theirs, ours, strict=True):
            assert as_stored(one, other) == other, name
