"""The first sync of a large tenant, compared with the floor and with a conventional implementation.

The floor fetches the same pages with aiohttp and writes the same rows in full transactions,
and does nothing else. There are two floors: one sends transactions as the product does, the
other with the Azure SDK's `submit_transaction`. The first one counts: it has no cost that the
product avoids. The conventional implementation is Microsoft's msgraph-sdk with its page iterator
and an `upsert_entity` for each user. It is compared in a smaller tenant, because it takes ten
times as long, and its time grows with each user.
"""

import asyncio
import json
import os
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
from azure.data.tables.aio import TableClient

from adapters.graph.client import GraphClient
from adapters.identity import TokenSource
from adapters.tables.records import TABLE
from adapters.tables.transaction_body import Put
from domain.identifiers import new_epoch
from domain.sync_state import SyncPhase
from domain.tenant import Tenant
from tests.bench.microsoft import azurite, microsoft
from tests.bench.rounds import ROUNDS, Rival, median, ratio, side_by_side
from tests.faults.synced import Synced, synced
from tests.simulation import MSP, OWN, Simulation

USERS = int(os.environ.get("BENCH_USERS", "20000"))
FEWER_USERS = int(os.environ.get("BENCH_FEWER_USERS", "2000"))
_FIELDS = (
    "id,displayName,userPrincipalName,mail,accountEnabled,userType,createdDateTime,"
    "assignedLicenses,jobTitle,department,usageLocation,onPremisesSyncEnabled"
)

type Rows = list[dict[str, Any]]
type Submit = Callable[[Rows], Awaitable[Any]]


class Rivals:
    """The ways to read and store the users, each into its own partitions."""

    def __init__(
        self, own: Synced, simulation: Simulation, tokens: TokenSource, graph: GraphClient
    ) -> None:
        self._own, self._simulation = own, simulation
        self._tokens, self._graph = tokens, graph
        self._table: TableClient = own.storage.table(TABLE)
        self._round = 0

    def _partition(self) -> str:
        self._round += 1
        return f"bench:{self._round}"

    async def empty_table(self) -> None:
        """Delete all rows: Azurite searches a partition by scanning every row of a table."""
        await self._table.delete_table()
        await self._table.create_table()

    async def product(self) -> None:
        """Sync the tenant as a newly added one."""
        await _new_life(self._own)
        state = await self._own.sync()
        if state.phase is not SyncPhase.SUCCEEDED:
            raise RuntimeError(f"the sync ended as {state.phase}")

    async def floor(self) -> None:
        """Fetch, and write as the product does."""
        table, transactions = self._table.table_name, self._own.storage.transactions
        await self._fetch_and_write(
            lambda rows: transactions.submit(table, [Put(row) for row in rows])
        )

    async def sdk_floor(self) -> None:
        """Fetch, and write as the Azure SDK does."""
        await self._fetch_and_write(
            lambda rows: self._table.submit_transaction(
                [("upsert", row, {"mode": "replace"}) for row in rows]
            )
        )

    async def _fetch_and_write(self, submit: Submit) -> None:
        """Fetch and write, a page's transactions four at a time as the product does."""
        token, partition = await self._tokens.app_token(MSP, OWN), self._partition()
        context = ssl.create_default_context(cafile=str(self._simulation.run_dir / "ca.pem"))
        link: str | None = f"{self._simulation.origin}/v1.0/users?$top=999&$select={_FIELDS}"
        headers = {"Authorization": f"Bearer {token}"}
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            writing: asyncio.Task[None] | None = None
            while link:
                async with session.get(link) as response:
                    page = await response.json()
                if writing:
                    await writing
                writing = asyncio.ensure_future(_write(submit, partition, page["value"]))
                link = page.get("@odata.nextLink")
            if writing:
                await writing

    async def msgraph_sdk(self) -> None:
        """Read with Microsoft's SDK, and upsert each user."""
        from msgraph.generated.users.users_request_builder import (  # noqa: PLC0415  slow to load
            UsersRequestBuilder,
        )
        from msgraph_core.tasks.page_iterator import PageIterator  # noqa: PLC0415

        from tests.clients.msgraph import client_of  # noqa: PLC0415

        partition = self._partition()
        query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
            select=_FIELDS.split(","), top=999
        )
        settings = UsersRequestBuilder.UsersRequestBuilderGetRequestConfiguration(
            query_parameters=query
        )
        users: list[dict[str, Any]] = []

        def keep(user: Any) -> bool:
            users.append({"id": user.id, "displayName": user.display_name, "mail": user.mail})
            return True

        token = await self._tokens.app_token(MSP, OWN)
        async with client_of(self._simulation, token) as client:
            first = await client.users.get(settings)
            await PageIterator(first, client.request_adapter).iterate(keep)
        for user in users:
            await self._table.upsert_entity(_entity(partition, user))


async def _write(submit: Submit, partition: str, users: Rows) -> None:
    turn = asyncio.Semaphore(4)

    async def write(part: Rows) -> None:
        async with turn:
            await submit([_entity(partition, user) for user in part])

    await asyncio.gather(*(write(users[i : i + 100]) for i in range(0, len(users), 100)))


def _entity(partition: str, user: dict[str, Any]) -> dict[str, Any]:
    """Return a row like the product's: the same properties with as many bytes."""
    text = json.dumps(user, ensure_ascii=False, separators=(",", ":"))
    return {"PartitionKey": partition, "RowKey": user["id"], "digest": "0" * 32, "d0": text}


async def _new_life(own: Synced) -> None:
    """Give the tenant a new row, so that its next sync is a first sync."""
    from domain.row_changes import Replace  # noqa: PLC0415

    known = await own.storage.msps.find(Tenant, own.tenant.msp_id, own.tenant.tenant_id)
    if known is None:
        raise RuntimeError("the tenant is gone")
    own.tenant = replace(known.value, epoch=new_epoch())
    await own.storage.msps.commit((Replace(own.tenant, known.version),))


async def _run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder)
        async with (
            microsoft(run_dir) as (simulation, tokens, graph),
            azurite(run_dir) as storage,
            synced(storage, simulation, tokens, graph) as own,
        ):
            rivals = Rivals(own, simulation, tokens, graph)
            await simulation.tenant(users=USERS, consented=True)
            floors = {"floor": rivals.floor, "SDK's floor": rivals.sdk_floor}
            await _contest(USERS, rivals, {"product": rivals.product, **floors})
            await simulation.tenant(users=FEWER_USERS)
            against = {"msgraph-sdk": rivals.msgraph_sdk, "product": rivals.product}
            await _contest(FEWER_USERS, rivals, against)


async def _contest(users: int, rivals: Rivals, contest: Mapping[str, Rival]) -> None:
    """Print the median of each way, and the ratio of the first to each other, round by round."""
    seconds = await side_by_side(contest, ROUNDS, rivals.empty_table)
    print(f"first sync of {users} users, {ROUNDS} rounds, medians")
    for name, taken in seconds.items():
        print(f"  {name:12} {median(taken):7.2f} s")
    first, *others = seconds
    for other in others:
        print(f"  {first} against {other}: {ratio(seconds[first], seconds[other]):.2f}", flush=True)


if __name__ == "__main__":
    asyncio.run(_run())
