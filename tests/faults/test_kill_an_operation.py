"""The app is killed at every write of an operation; the user is disabled once, and audited once."""

from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from domain.operation import Operation, OperationQueue, OperationState
from tests.e2e.portal import CONTOSO, owner
from tests.faults.bench import MSP, OWN, Bench


class Disabling:
    """A user who is disabled with one key, however often that takes."""

    def __init__(self, bench: Bench, user_id: str) -> None:
        self.bench, self.path = bench, f"/tenants/{OWN}/users/{user_id}"
        self.key, self.patches = "", 0

    async def prepare(self) -> None:
        enabled = await self._call("enable", uuid4().hex)
        assert enabled["state"] == "succeeded"
        self.key, self.patches = uuid4().hex, await self._patches()

    async def act(self) -> None:
        await self._call("disable", self.key)

    async def check(self) -> None:
        done = await self._call("disable", self.key)
        await self.bench.portal.idle()
        assert (done["state"], done["before"]["accountEnabled"]) == ("succeeded", True)
        assert await self._patches() == self.patches + 1
        rows = await self.bench.store.msps.all(Operation, MSP)
        assert {row.state for row in rows} == {OperationState.SUCCEEDED}
        queues = await self.bench.store.msps.all(OperationQueue, MSP)
        assert [queue.waiting for queue in queues] == [()]
        work = self.bench.store.table("pendingWork").list_entities()
        # What was never recorded stays on record until it surely never will be.
        left = {entity["RowKey"].rpartition(":")[2] async for entity in work}
        assert left.isdisjoint(row.operation_id for row in rows)
        events = await self.bench.portal.events(action="operation.succeeded")
        ended = [event["after"]["operationId"] for event in events]
        assert sorted(ended) == sorted(row.operation_id for row in rows)

    async def _call(self, action: str, key: str) -> dict[str, Any]:
        headers = {"Idempotency-Key": key}
        path = f"{self.path}/{action}"
        reply = await self.bench.portal.call(owner(), "POST", path, None, **headers)
        if reply.status >= 500:
            raise aiohttp.ClientError("the app died")
        body: dict[str, Any] = reply.body
        return body

    async def _patches(self) -> int:
        log = await self.bench.portal.browser.control("GET", "/requests")
        return sum(entry["method"] == "PATCH" for entry in log)


@pytest.fixture
async def disabling(bench: Bench) -> Disabling:
    """A user of the cloud; the first people of a tenant hold roles."""
    await bench.portal.tenant(CONTOSO, users=40)
    await bench.partner()
    path = f"/tenants/{OWN}/users?pageSize=500"
    users = (await bench.portal.call(owner(), "GET", path)).body["items"]
    return Disabling(
        bench,
        next(
            each["id"]
            for each in users
            if each["accountEnabled"]
            and not each["onPremisesSyncEnabled"]
            and each["userPrincipalName"].startswith("user3")
        ),
    )


async def test_disabling_a_user_survives_a_kill_at_every_write(
    bench: Bench, disabling: Disabling
) -> None:
    kills = await bench.kill_at_every_write(disabling.prepare, disabling.act, disabling.check)
    assert kills >= 8
