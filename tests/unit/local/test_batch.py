"""`$batch` of the simulated Graph."""

from typing import Any

import pytest

from local.microsoft.answers import GraphAnswer, GraphRequest, error_answer
from local.microsoft.batch import answer_batch

JSON = {"Content-Type": "application/json"}


async def batch(*parts: dict[str, Any], version: str = "v1.0") -> tuple[int, Any]:
    served: list[GraphRequest] = []

    async def serve(part: GraphRequest) -> GraphAnswer:
        served.append(part)
        if part.path == "/missing":
            return error_answer(404, "Request_ResourceNotFound", "It does not exist.")
        if part.method == "PATCH":
            return GraphAnswer(204, None)
        return GraphAnswer(200, {"path": part.path, "query": part.query, "prefer": part.prefer})

    answer = await answer_batch({"requests": list(parts)}, "Bearer x", version, serve)
    assert {part.version for part in served} <= {version}
    return answer.status, answer.body


def part(key: str, url: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    return {"id": key, "method": method, "url": url, **more}


async def test_each_part_has_its_own_answer() -> None:
    status, body = await batch(
        part("1", "/a?$filter=x%20eq%20'y'", headers={"Prefer": "p"}), part("2", "/missing")
    )
    assert (status, [one["status"] for one in body["responses"]]) == (200, [200, 404])
    assert body["responses"][0]["body"] == {
        "path": "/a",
        "query": {"$filter": "x eq 'y'"},
        "prefer": "p",
    }


async def test_a_write_needs_a_body_and_its_content_type() -> None:
    odd: dict[str, Any]
    for odd in ({}, {"body": {}}, {"headers": JSON}):
        status, body = await batch(part("1", "/a", "PATCH", **odd))
        assert (status, body["error"]["code"]) == (400, "BadRequest")
    _, body = await batch(part("1", "/a", "PATCH", body={}, headers=JSON))
    assert body["responses"] == [{"id": "1", "status": 204, "headers": JSON}]


async def test_what_depends_on_a_failure_is_not_carried_out() -> None:
    _, body = await batch(
        part("1", "/missing"),
        part("2", "/a", dependsOn=["1"]),
        part("3", "/b", dependsOn=["2"]),
        part("4", "/c"),
    )
    assert [one["status"] for one in body["responses"]] == [404, 424, 424, 200]


@pytest.mark.parametrize("count", [0, 21])
async def test_a_batch_of_too_few_or_too_many_is_refused(count: int) -> None:
    status, _ = await batch(*(part(str(number), "/a") for number in range(count)))
    assert status == 400


async def test_ids_differ_in_more_than_case() -> None:
    assert (await batch(part("a", "/a"), part("A", "/a")))[0] == 400


async def test_beta_has_a_batch_of_its_own() -> None:
    assert (await batch(part("1", "/a"), version="beta"))[0] == 200
