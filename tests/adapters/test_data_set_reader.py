"""Reading data sets by their shapes, at a Graph whose answers the tests list."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.graph import reports
from adapters.graph.client import GraphClient
from adapters.graph.reader import GraphTenantReader
from core.data_sets.devices import CONFIGURATION_POLICIES
from core.data_sets.identity import DOMAINS, GROUPS, ORGANIZATION_BETA, SUBSCRIPTIONS
from core.data_sets.policies import CONDITIONAL_ACCESS, NAMED_LOCATIONS, SECURITY_DEFAULTS
from core.data_sets.roles import ROLE_GROUP_MEMBERS
from core.data_sets.security import INCIDENTS, SIGN_INS
from core.data_sets.usage import ACTIVE_USERS, APP_USAGE
from domain.data_set import DataSet
from domain.errors import ConsentRequired
from domain.ports.graph_reader import Reading, Records, Refusal, Unreadable, Wanted
from tests.adapters.scripted_graph import Answer, ScriptedGraph, denied, scripted_graph

DOMAIN, GROUP = {"id": "contoso.com"}, {"id": "g1", "displayName": "One"}
BUSY = Answer({"error": {"code": "TooManyRequests"}}, 429, {"Retry-After": "0.01"})
CSV = "\ufeffReport Refresh Date,User Principal Name\r\n2026-11-01,a@contoso.com\r\n"


@pytest.fixture
async def served() -> AsyncIterator[tuple[ScriptedGraph, GraphClient]]:
    async with scripted_graph() as opened:
        yield opened


@pytest.fixture
def graph(served: tuple[ScriptedGraph, GraphClient]) -> ScriptedGraph:
    return served[0]


@pytest.fixture
def client(served: tuple[ScriptedGraph, GraphClient]) -> GraphClient:
    return served[1]


@pytest.fixture
def reader(client: GraphClient) -> GraphTenantReader:
    return reader_of(client)


def reader_of(client: GraphClient, pace_seconds: float = 0) -> GraphTenantReader:
    async def token(*, fresh: bool) -> str:
        return "fresh" if fresh else "cached"

    return GraphTenantReader(client, token, 2, pace_seconds, delegated=False)


async def read(
    reader: GraphTenantReader, *wanted: Wanted | DataSet
) -> list[tuple[DataSet, Reading]]:
    asked = [one if isinstance(one, Wanted) else Wanted(one) for one in wanted]
    return [each async for each in reader.read(asked)]


async def records(reader: GraphTenantReader, wanted: Wanted | DataSet) -> dict[str, Any]:
    ((_, reading),) = await read(reader, wanted)
    assert isinstance(reading, Records), reading
    return {record.key: record.document for record in reading.records}


async def failure(reader: GraphTenantReader, wanted: Wanted | DataSet) -> Unreadable:
    ((_, reading),) = await read(reader, wanted)
    assert isinstance(reading, Unreadable)
    return reading


def value(*items: Any, **more: Any) -> Answer:
    return Answer({"value": list(items), **more})


async def test_data_sets_of_both_versions_are_read_in_a_batch_each(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    graph.answers = {
        "/v1.0/domains": [value(DOMAIN)],
        "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy": [
            Answer({"@odata.context": "c", "id": "x", "isEnabled": True})
        ],
        "/beta/organization": [value({"id": "o", "onPremisesSyncStatus": []})],
    }
    readings = dict(await read(reader, DOMAINS, SECURITY_DEFAULTS, ORGANIZATION_BETA))
    assert all(isinstance(reading, Records) for reading in readings.values()), readings
    assert [len(batch) for batch in graph.batches] == [2, 1]
    assert graph.singles == []
    assert reader.cost.requests == 2
    assert await records(reader, SECURITY_DEFAULTS) == {"object": {"id": "x", "isEnabled": True}}


async def test_every_page_is_read(graph: ScriptedGraph, reader: GraphTenantReader) -> None:
    link = f"{graph.origin}/v1.0/domains?page="
    graph.answers = {
        "/v1.0/domains?page=2": [value(**{"@odata.nextLink": f"{link}3"})],
        "/v1.0/domains?page=3": [value({"id": "c"})],
        "/v1.0/domains": [value({"id": "a"}, {"id": "b"}, **{"@odata.nextLink": f"{link}2"})],
    }
    assert list(await records(reader, DOMAINS)) == ["a", "b", "c"]
    assert graph.singles == ["/v1.0/domains?page=2", "/v1.0/domains?page=3"]


@pytest.mark.parametrize(
    "second",
    [
        Answer({"error": {"code": "BadRequest"}}, 400),
        Answer({"value": "none"}),
        value(**{"@odata.nextLink": "https://example.com/v1.0/domains"}),
        value(**{"@odata.nextLink": 5}),
    ],
)
async def test_a_data_set_without_its_last_page_is_unread(
    graph: ScriptedGraph, reader: GraphTenantReader, second: Answer
) -> None:
    link = f"{graph.origin}/v1.0/domains?page=2"
    graph.answers = {
        "/v1.0/domains?page=2": [second],
        "/v1.0/domains": [value(DOMAIN, **{"@odata.nextLink": link})],
    }
    await failure(reader, DOMAINS)


async def test_a_list_that_graph_cut_is_read_to_its_end(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    link = f"{graph.origin}/beta/deviceManagement/configurationPolicies/p/settings?page="
    cut = {
        "id": "p",
        "settings": [{"id": "0", "settingInstance": 0}],
        "settings@odata.nextLink": f"{link}2",
        "assignments": [],
    }
    graph.answers = {
        "/beta/deviceManagement/configurationPolicies": [value(cut, {"id": "q", "settings": []})],
        "/beta/deviceManagement/configurationPolicies/p/settings?page=2": [
            value({"settingInstance": 1}, **{"@odata.nextLink": f"{link}3"})
        ],
        "/beta/deviceManagement/configurationPolicies/p/settings?page=3": [
            value({"settingInstance": 2})
        ],
    }
    found = await records(reader, CONFIGURATION_POLICIES)
    assert [one["settingInstance"] for one in found["p"]["settings"]] == [0, 1, 2]
    assert not any("nextLink" in name for name in found["p"])
    assert found["q"]["settings"] == []


@pytest.mark.parametrize("settings", [None, "none"])
async def test_a_cut_list_without_a_list_is_unread(
    graph: ScriptedGraph, reader: GraphTenantReader, settings: Any
) -> None:
    link = f"{graph.origin}/beta/x"
    graph.answers = {
        "/beta/deviceManagement/configurationPolicies": [
            value({"id": "p", "settings": settings, "settings@odata.nextLink": link})
        ],
        "/beta/x": [value()],
    }
    assert "collection" in (await failure(reader, CONFIGURATION_POLICIES)).error


async def test_a_failed_part_is_read_by_itself_and_stops_no_other(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    graph.in_batches = {"/v1.0/domains": [BUSY]}
    graph.answers = {
        "/v1.0/domains": [BUSY, value(DOMAIN)],
        "/v1.0/groups": [value(GROUP)],
        "/v1.0/directory/subscriptions": [denied()],
    }
    readings = dict(await read(reader, DOMAINS, SUBSCRIPTIONS, GROUPS))
    assert isinstance(readings[DOMAINS], Records)
    assert isinstance(readings[GROUPS], Records)
    refused = readings[SUBSCRIPTIONS]
    assert isinstance(refused, Unreadable)
    assert refused.refusal == Refusal("Authorization_RequestDenied", is_denied=True)
    assert graph.singles == ["/v1.0/domains"] * 2
    assert len(graph.batches) == 1
    assert reader.cost.throttled_seconds == pytest.approx(0.02)


async def test_a_part_that_refuses_the_token_is_read_with_a_fresh_one(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    expired = denied("InvalidAuthenticationToken", 401)
    graph.in_batches = {"/v1.0/domains": [expired]}
    graph.answers = {"/v1.0/domains": [expired, value(DOMAIN)]}
    assert list(await records(reader, DOMAINS)) == ["contoso.com"]
    tokens = [one.authorization for one in graph.asked]
    assert tokens == ["Bearer cached", "Bearer cached", "Bearer fresh"]


async def test_a_refused_batch_is_a_refusal_of_each_data_set(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    graph.answers = {"/v1.0/$batch": [denied()]}
    for _, reading in await read(reader, DOMAINS, GROUPS):
        assert isinstance(reading, Unreadable)


async def test_without_a_token_nothing_is_asked(client: GraphClient, graph: ScriptedGraph) -> None:
    async def token(*, fresh: bool) -> str:
        raise ConsentRequired(f"no consent, fresh: {fresh}")

    reader = GraphTenantReader(client, token, 2, delegated=False)
    assert await reader.permissions(fresh=False) is None
    found = await read(reader, DOMAINS, GROUPS, APP_USAGE)
    assert len(found) == 3
    for _, reading in found:
        assert isinstance(reading, Unreadable)
        assert reading.refusal == Refusal("consent_required", is_denied=True)
    assert graph.asked == []


GROUPS_OF = Wanted(ROLE_GROUP_MEMBERS, ids=["a", "b/../c", "gone"])


def members_path(key: str) -> str:
    return f"/v1.0/groups/{key}/transitiveMembers/microsoft.graph.user"


async def test_each_object_has_a_record_unless_it_no_longer_exists(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    member = {"@odata.type": "#microsoft.graph.user", "id": "u", "accountEnabled": True}
    link = f"{graph.origin}/v1.0/more"
    graph.answers = {
        members_path("a"): [value(member, **{"@odata.nextLink": link})],
        "/v1.0/more": [value({"id": "v", "accountEnabled": False})],
        members_path("b/../c"): [value()],
    }
    found = await records(reader, GROUPS_OF)
    assert list(found) == ["a", "b/../c"]
    assert [one["id"] for one in found["a"]["value"]] == ["u", "v"]
    assert found["b/../c"] == {"id": "b/../c", "value": []}
    assert len(graph.batches) == 1


async def test_an_object_with_a_malformed_member_is_left_out(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    graph.answers = {
        members_path("a"): [value({"id": "u"}, {"id": 5})],
        members_path("b/../c"): [value({"id": "v"})],
    }
    ((_, reading),) = await read(reader, GROUPS_OF)
    assert isinstance(reading, Records)
    assert [record.key for record in reading.records] == ["b/../c"]
    assert list(reading.unreadable) == ["a"]


async def test_one_object_that_cannot_be_read_makes_the_data_set_unread(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    graph.answers = {members_path("a"): [denied()], members_path("b/../c"): [value()]}
    assert (await failure(reader, GROUPS_OF)).refusal is not None


async def test_many_objects_are_read_twenty_in_a_batch_and_none_needs_no_request(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    ids = [f"{number:02d}" for number in range(45)]
    graph.answers = {members_path(key): [value({"id": f"u{key}"})] for key in ids}
    assert list(await records(reader, Wanted(ROLE_GROUP_MEMBERS, ids=ids))) == ids
    assert [len(batch) for batch in graph.batches] == [20, 20, 5]
    assert await records(reader, Wanted(ROLE_GROUP_MEMBERS)) == {}
    assert len(graph.asked) == 3


SINCE = datetime(2026, 11, 10, 3, 4, 5, 678901, tzinfo=UTC)


async def test_an_incremental_read_names_its_time_in_whole_seconds(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    graph.answers = {"/v1.0/security/incidents": [value({"id": "1", "more": 1, "severity": "low"})]}
    found = await records(reader, Wanted(INCIDENTS, since=SINCE))
    assert found == {"1": {"id": "1", "severity": "low"}}
    ((path,),) = graph.batches
    query = "$filter=lastUpdateDateTime ge 2026-11-10T03:04:05Z&$top=50"
    assert path == f"/v1.0/security/incidents?{query}"


async def test_the_sign_ins_of_many_accounts_are_read_fifteen_in_a_request(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    accounts = [f"account-{number:02d}" for number in range(32)]
    graph.answers = {"/v1.0/auditLogs/signIns": [value({"id": "s1"}), value({"id": "s2"})]}
    found = await records(reader, Wanted(SIGN_INS, since=SINCE, ids=accounts))
    assert set(found) == {"s1", "s2"}
    (paths,) = graph.batches
    assert [path.count("userId eq") for path in paths] == [15, 15, 2]
    assert all(path.count("createdDateTime ge 2026-11-10T03:04:05Z and (") == 1 for path in paths)
    assert all(f"userId eq '{one}'" in "".join(paths) for one in accounts)
    assert await records(reader, Wanted(SIGN_INS, since=SINCE)) == {}


async def test_requests_to_a_paced_resource_keep_their_distance(
    graph: ScriptedGraph, client: GraphClient
) -> None:
    policies, locations = "/v1.0/identity/conditionalAccess/policies", NAMED_LOCATIONS.path
    link = f"{graph.origin}{policies}?page=2"
    graph.in_batches = {f"/v1.0{locations}": [BUSY]}
    graph.answers = {
        f"{policies}?page=2": [value({"id": "p2"})],
        policies: [value({"id": "p1"}, **{"@odata.nextLink": link})],
        f"/v1.0{locations}": [value({"id": "l"})],
        "/v1.0/domains": [value(DOMAIN)],
    }
    reader = reader_of(client, pace_seconds=0.15)
    found = await read(reader, DOMAINS, CONDITIONAL_ACCESS, NAMED_LOCATIONS)
    assert all(isinstance(reading, Records) for _, reading in found)
    paced = [one for one in graph.asked if any("conditionalAccess" in path for path in one.paths)]
    assert len(paced) == 4  # a batch, its second page, another batch, and its failed part
    assert all(
        later.moment - earlier.moment >= 0.145  # they arrive with a little jitter
        for earlier, later in pairwise(paced)
    )


async def test_unpaced_requests_do_not_wait(graph: ScriptedGraph, client: GraphClient) -> None:
    link = f"{graph.origin}/v1.0/domains?page=2"
    graph.answers = {
        "/v1.0/domains?page=2": [value({"id": "b"})],
        "/v1.0/domains": [value(DOMAIN, **{"@odata.nextLink": link})],
    }
    reader = reader_of(client, pace_seconds=30)
    assert len(await records(reader, DOMAINS)) == 2


class ReportHost:
    """The host to which Graph redirects; it records the headers that it gets."""

    def __init__(self) -> None:
        self.answers: list[web.Response] = []
        self.headers: list[dict[str, str]] = []

    async def serve(self, request: web.Request) -> web.Response:
        """Answer with the next answer."""
        self.headers.append(dict(request.headers))
        return self.answers.pop(0)


@pytest.fixture
async def host(graph: ScriptedGraph, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ReportHost]:
    """A host of reports, trusted here, to which Graph redirects one report."""
    opened, app = ReportHost(), web.Application()
    app.router.add_get("/report", opened.serve)
    monkeypatch.setattr(reports, "_REPORT_HOSTS", ("localhost",))
    async with TestServer(app, host="127.0.0.1") as server:
        location = f"http://localhost:{server.port}/report?token=a%2Fb"
        graph.answers = {f"/v1.0{APP_USAGE.path}": [Answer("", 302, {"Location": location})]}
        yield opened


async def test_a_report_is_fetched_without_the_token(
    host: ReportHost, graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    host.answers = [web.Response(text=CSV)]
    assert await records(reader, APP_USAGE) == {
        "a@contoso.com": {
            "Report Refresh Date": "2026-11-01",
            "User Principal Name": "a@contoso.com",
        }
    }
    assert [one.authorization for one in graph.asked] == ["Bearer cached"]
    assert graph.batches == []
    (headers,) = host.headers
    assert "Authorization" not in headers
    assert not any("cached" in text for text in headers.values())
    assert reader.cost.requests == 2


async def test_a_busy_host_of_reports_is_asked_again(
    host: ReportHost, reader: GraphTenantReader
) -> None:
    busy = web.Response(status=503, headers={"Retry-After": "0.01"})
    host.answers = [busy, web.Response(text=CSV)]
    assert len(await records(reader, APP_USAGE)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 401},
        {"status": 403, "text": '{"error": {"code": "AuthenticationFailed"}}'},
        {"status": 404},
        {"status": 302, "headers": {"Location": "https://reports.office.com/again"}},
        {"text": "<html>Sign in</html>"},
        {"text": CSV + "2026-11-01"},
        {"body": b"\xff\xfe"},
        {"text": ""},
    ],
)
async def test_what_the_host_of_reports_refuses_is_no_missing_permission(
    host: ReportHost, graph: ScriptedGraph, reader: GraphTenantReader, answer: dict[str, Any]
) -> None:
    host.answers = [web.Response(**answer)]
    refused = await failure(reader, APP_USAGE)
    assert "report" in refused.error
    assert (refused.refusal, refused.retry_after) == (None, None)
    assert (len(graph.asked), len(host.headers)) == (1, 1)


@pytest.mark.parametrize(
    "location",
    ["https://example.com/report", "http://user@localhost/report", "/report", "", None],
)
async def test_a_report_elsewhere_is_not_fetched(
    host: ReportHost, graph: ScriptedGraph, reader: GraphTenantReader, location: str | None
) -> None:
    headers = {} if location is None else {"Location": location}
    graph.answers = {f"/v1.0{APP_USAGE.path}": [Answer("", 302, headers)]}
    assert "redirected" in (await failure(reader, APP_USAGE)).error
    assert host.headers == []


async def test_a_report_that_graph_refuses_stops_no_other(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    graph.answers = {
        f"/v1.0{APP_USAGE.path}": [denied("S2SUnauthorized")],
        f"/v1.0{ACTIVE_USERS.path}": [Answer(CSV)],
    }
    readings = dict(await read(reader, APP_USAGE, ACTIVE_USERS))
    refused = readings[APP_USAGE]
    assert isinstance(refused, Unreadable)
    assert refused.refusal == Refusal("S2SUnauthorized", is_denied=True)
    assert isinstance(readings[ACTIVE_USERS], Records)


@pytest.mark.parametrize("items", [[{"id": 5}], ["text"], [None], [{"displayName": "no ID"}], [[]]])
async def test_an_item_without_a_key_is_left_out_and_reported(
    graph: ScriptedGraph, reader: GraphTenantReader, items: Sequence[Any]
) -> None:
    graph.answers = {"/v1.0/groups": [value(GROUP, *items)]}
    ((_, reading),) = await read(reader, GROUPS)
    assert isinstance(reading, Records)
    assert ([record.key for record in reading.records], reading.unreadable) == (["g1"], [None])


async def test_a_bug_in_one_data_set_stops_no_other(
    graph: ScriptedGraph, reader: GraphTenantReader
) -> None:
    graph.answers = {"/v1.0/domains": [value(DOMAIN)], "/v1.0/groups": [value(GROUP)]}
    broken = replace(GROUPS, keep=(5,))  # type: ignore[arg-type]
    readings = dict(await read(reader, broken, DOMAINS))
    assert isinstance(readings[DOMAINS], Records)
    fault = readings[broken]
    assert isinstance(fault, Unreadable)
    assert "Internal fault" in fault.error
