"""The floor of `GET /my-tenant`: its three reads of storage, and nothing else.

They are made with aiohttp alone: signed, and read as JSON; no retries, types or errors.
"""

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

import aiohttp
from yarl import URL

from adapters.tables.storage import Storage
from domain.identifiers import MspId
from domain.msp import Msp
from domain.row_kinds import kind_of
from domain.tenant import Tenant

_HEADERS = {
    "Accept": "application/json;odata=minimalmetadata",
    "DataServiceVersion": "3.0",
    "x-ms-version": "2019-02-02",
}


class BareReads:
    """Reads of an MSP's head, its partner tenant and the sync state, one after another."""

    def __init__(self, connection_string: str, urls: Sequence[URL]) -> None:
        known = dict(part.split("=", 1) for part in connection_string.split(";") if part)
        self._account, self._key = known["AccountName"], b64decode(known["AccountKey"])
        self._urls = urls

    async def read(self, session: aiohttp.ClientSession) -> None:
        """Make the three reads."""
        for url in self._urls:
            async with session.get(url, headers=_HEADERS | self._signature(url)) as response:
                response.raise_for_status()
                json.loads(await response.read())

    def _signature(self, url: URL) -> dict[str, str]:
        date = format_datetime(datetime.now(UTC), usegmt=True)
        text = f"{date}\n/{self._account}{url.raw_path}"
        signed = b64encode(hmac.digest(self._key, text.encode(), "sha256")).decode()
        return {"x-ms-date": date, "Authorization": f"SharedKeyLite {self._account}:{signed}"}


async def bare_reads(connection_string: str, msp_id: MspId) -> BareReads:
    """Return the reads for an MSP that has a partner tenant.

    Raises:
        RuntimeError: It has none.
    """
    storage = Storage.connect(connection_string)
    try:
        head = await storage.msps.head(msp_id)
        if head is None or head.slot is None:
            raise RuntimeError("there is no partner tenant")
        tenant_id = head.slot.value.tenant_id
        tenant = await storage.msps.find(Tenant, msp_id, tenant_id)
        if tenant is None:
            raise RuntimeError("there is no partner tenant")
        url, kind = URL(storage.table("msps").url), kind_of(Msp)
        in_range = f"RowKey ge '{kind.key()}' and RowKey lt '{kind.range()[1]}'"
        condition = f"PartitionKey eq '{msp_id}' and {in_range}"
        state = f"{tenant_id}:{tenant.value.ref.epoch}"
        urls = [
            (url / "msps()").with_query({"$filter": condition}),
            url / f"msps(PartitionKey='{msp_id}',RowKey='{kind_of(Tenant).key(tenant_id)}')",
            url / f"syncState(PartitionKey='{msp_id}',RowKey='{state}')",
        ]
        return BareReads(connection_string, urls)
    finally:
        await storage.close()
