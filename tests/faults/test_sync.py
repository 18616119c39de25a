"""Whatever faults Graph and storage have, a sync ends with exactly the rows that Graph has."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from adapters.graph.client import GraphClient
from adapters.identity import TokenSource
from domain.identifiers import TenantRef
from domain.ports.synced_records import StoredRecord
from domain.sync_state import ReadState, SyncPhase
from local.azurite import connection_string as azurite_at
from sync.sync_tenant import sync_tenant
from tests.faults.proxy import Proxy, WriteCounter
from tests.faults.synced import Synced, synced
from tests.simulation import MSP, OWN, Simulation

# SYNC_USERS=5000 runs it at full size.
USERS = int(os.environ.get("SYNC_USERS", "1500"))


@pytest.fixture
async def own(
    azurite: str, simulation: Simulation, tokens: TokenSource, graph: GraphClient
) -> AsyncIterator[Synced]:
    await simulation.tenant(users=USERS, consented=True)
    async with synced(azurite, simulation, tokens, graph) as opened:
        yield opened


@pytest.mark.parametrize(
    "faults",
    [
        [{"path": "/v1.0/", "every": 3, "status": 429, "retryAfter": 1}],
        [
            {"path": "/v1.0/", "probability": 0.05, "status": 503},
            {"path": "/v1.0/", "probability": 0.05, "disconnect": True},
        ],
        [{"path": "/v1.0/", "every": 4, "truncate": True}],
        [{"path": "/users", "every": 4, "status": 401}],
    ],
    ids=["429 on every third", "503 and dropped connections", "truncated JSON", "token expiry"],
)
async def test_a_sync_under_faults_ends_with_the_rows_of_the_tenant(
    own: Synced, graph: GraphClient, tokens: TokenSource, faults: list[dict[str, Any]]
) -> None:
    await own.simulation.faults(*faults)
    state = await own.sync()
    await own.simulation.faults()
    assert state.phase is SyncPhase.SUCCEEDED
    assert state.data_set("users").count == USERS
    assert await own.stored() == await own.at_graph(graph, tokens)


async def test_a_repeated_page_changes_nothing_and_a_loop_ends_with_an_error(
    own: Synced, graph: GraphClient, tokens: TokenSource
) -> None:
    first = await _page(graph, tokens, "/users?$top=999")
    second, third = first["@odata.nextLink"], "&again=1"
    token = re.escape(second.rpartition("=")[2])
    repeated = {"query": f"{token}$", "path": "/users$", "status": 200, "times": 1}
    await own.simulation.faults(
        {**repeated, "body": {**first, "@odata.nextLink": second + third}},
    )
    assert (await own.sync()).phase is SyncPhase.SUCCEEDED
    assert await own.stored() == await own.at_graph(graph, tokens)
    await own.simulation.tenant(expireDeltaLinks=True)
    looped = {"path": "/users$", "status": 200, "body": {**first, "@odata.nextLink": second}}
    await own.simulation.faults(looped)
    state = await own.sync()
    assert state.data_set("users").state is ReadState.FAILED
    assert "earlier" in (state.data_set("users").error or "")
    await own.simulation.faults()
    assert await own.stored() == await own.at_graph(graph, tokens)


async def _page(graph: GraphClient, tokens: TokenSource, path: str) -> dict[str, Any]:
    fields = (
        "id,displayName,userPrincipalName,mail,accountEnabled,userType,createdDateTime,"
        "assignedLicenses,jobTitle,department,usageLocation,onPremisesSyncEnabled"
    )
    return await graph.get(f"{path}&$select={fields}", await tokens.app_token(MSP, OWN))


async def test_a_user_that_moves_between_pages_is_not_lost(
    own: Synced, graph: GraphClient, tokens: TokenSource
) -> None:
    first = await _page(graph, tokens, "/users?$top=999")
    moved = {**first, "value": first["value"][3:]}
    await own.simulation.faults({"path": "/users$", "status": 200, "times": 1, "body": moved})
    reader = own.ports.reader.of(MSP, own.tenant)
    link = reader.delta_link

    async def link_and_move() -> str:
        given = await link()
        await own.simulation.browser.control("POST", f"/tenants/{OWN}/changes", {"update": 3})
        return given

    reader.delta_link = link_and_move  # type: ignore[method-assign]  # they change at that moment
    own.ports.reader.of = lambda *_: reader  # type: ignore[method-assign]
    assert (await own.sync()).data_set("users").count == USERS
    assert await own.stored() == await own.at_graph(graph, tokens)


async def test_a_403_on_one_data_set_stops_no_other(
    own: Synced, graph: GraphClient, tokens: TokenSource
) -> None:
    await own.simulation.tenant(revokedPermissions=["SecurityEvents.Read.All"])
    state = await own.sync()
    assert state.phase is SyncPhase.PARTIAL
    scores = state.data_set("secureScore")
    assert scores.missing_permission == "SecurityEvents.Read.All"
    assert await own.stored() == await own.at_graph(graph, tokens)


async def test_changes_and_lost_links_keep_the_rows_as_graph_has_them(
    own: Synced, graph: GraphClient, tokens: TokenSource
) -> None:
    await own.sync()
    for changes in ({"create": 20, "update": 1100, "delete": 30}, {"delete": 1}):
        await own.simulation.browser.control("POST", f"/tenants/{OWN}/changes", changes)
        await own.sync()
        assert await own.stored() == await own.at_graph(graph, tokens)
    await own.simulation.browser.control("POST", f"/tenants/{OWN}/changes", {"delete": 200})
    await own.simulation.tenant(expireDeltaLinks=True)
    state = await own.sync()
    users = await own.stored()
    assert state.data_set("users").count == len(users) == USERS + 20 - 31 - 200
    assert users == await own.at_graph(graph, tokens)


async def test_two_workers_with_one_message_write_no_row_twice(
    own: Synced, graph: GraphClient, tokens: TokenSource
) -> None:
    written: list[str] = []
    write = own.storage.records.write

    async def noted(ref: TenantRef, records: Sequence[StoredRecord]) -> None:
        written.extend(record.key for record in records)
        await write(ref, records)

    own.storage.records.write = noted  # type: ignore[method-assign]
    await own.request()
    await asyncio.gather(*(sync_tenant(own.ports, own.ref) for _ in range(4)))
    assert len(written) == len(set(written)) == USERS
    assert await own.stored() == await own.at_graph(graph, tokens)


async def test_a_busy_storage_loses_nothing(
    azurite: str, simulation: Simulation, tokens: TokenSource, graph: GraphClient
) -> None:
    await simulation.tenant(users=USERS, consented=True)
    ports = [int(port) for port in re.findall(r":(\d+)/devstoreaccount1", azurite)]
    async with Proxy(WriteCounter(busy_every=7), lambda: ports[2]) as tables:
        through = azurite_at(ports[0], ports[1], tables.port)
        async with synced(through, simulation, tokens, graph) as own:
            assert (await own.sync()).phase is SyncPhase.SUCCEEDED
            assert await own.stored() == await own.at_graph(graph, tokens)


SCRIPTS = "Ådele 李娜 नमस्ते Здравствуй مرحبا שלום ไทย 👩🏽‍🚀🏴󠁧󠁢󠁳󠁣󠁴󠁿 \u202e\ud7ff\ue000\uffff"


async def test_odd_values_come_back_as_they_went(own: Synced, tmp_path: Path) -> None:
    names = ("displayName", "jobTitle", "department", "mail", "userPrincipalName")
    longest = (SCRIPTS * 10)[:250]
    users = [
        {
            "id": f"odd {number:04d} /\\#?%",
            **dict.fromkeys(names[: number % 4], f"{number} {longest}"),
            "accountEnabled": None,
            "assignedLicenses": None if number % 2 else [{"skuId": "s", "disabledPlans": ["p"]}],
            "addedTomorrow": {"by": ["Graph", None, 1.5, True]},
        }
        for number in range(280)
    ]
    deep = [{**users[3], "description": f"\u0000{SCRIPTS * 2000}"}]
    policy = {"id": "p", "state": None, "new": {"deep": deep}, "displayName": SCRIPTS}
    assert len(json.dumps(policy, ensure_ascii=False).encode()) > 200_000
    pages = [users[start : start + 40] for start in range(0, 280, 40)]
    links = [f"{own.simulation.origin}/v1.0/users?page={n}" for n in range(1, len(pages))]
    await own.simulation.faults(
        *(
            {**_page_of(query), "bodyFile": _kept(tmp_path, _body(page, link))}
            for page, query, link in zip(
                pages,
                [r"top", *(f"page={n}$" for n in range(1, len(pages)))],
                [*links, None],
                strict=True,
            )
        ),
        {"path": "/policies", "insideBatch": True, "status": 200, "body": {"value": [policy]}},
    )
    assert (await own.sync()).phase is SyncPhase.SUCCEEDED
    stored = await own.stored()
    assert [user["id"] for user in stored] == [user["id"] for user in users]
    for got, given in zip(stored, users, strict=True):
        assert {name: got[name] for name in names} == {name: given.get(name) for name in names}
        assert "addedTomorrow" not in got
    assert await own.stored("conditionalAccessPolicies") == [policy]


def _page_of(query: str) -> dict[str, Any]:
    return {"path": "/users$", "query": query, "status": 200}


def _kept(folder: Path, body: dict[str, Any]) -> str:
    """Write a body that is too large for the control route to a file."""
    path = folder / f"{uuid4()}.json"
    path.write_text(json.dumps(body))
    return str(path)


def _body(page: list[dict[str, Any]], link: str | None) -> dict[str, Any]:
    return {"value": page, **({"@odata.nextLink": link} if link else {})}
