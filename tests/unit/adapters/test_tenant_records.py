import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

from azure.data.tables import TableEntity

from adapters.tables.msps import TableMspStore
from adapters.tables.rows import to_entity
from domain.row_changes import Row
from domain.row_kinds import kind_of
from domain.tenant import Tenant, TenantStatus
from domain.usage import ActivePeriod, TenantUsage
from tests.samples import CONTOSO, CUSTOMER, MSP, NOW, tenant, version

TENANT, USAGE = kind_of(Tenant).key(CUSTOMER), kind_of(TenantUsage).key(CUSTOMER)
SUSPENDED = tenant(status=TenantStatus.SUSPENDED)
RESUMED = replace(SUSPENDED, status=TenantStatus.ACTIVE)
CLOSED = TenantUsage(CONTOSO, CUSTOMER, "Northwind Traders", (ActivePeriod(NOW, NOW),))
OPENED = CLOSED.opened(NOW)


class ResumedMeanwhile:
    """A table that reads tenants slowly; reading a tenant's usage resumes the tenant."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {TENANT: SUSPENDED, USAGE: CLOSED}

    async def get_entity(self, _msp: str, key: str, **_: Any) -> TableEntity | None:
        if key == TENANT:
            await asyncio.sleep(0.01)
        found = self._rows.get(key)
        if key == USAGE:
            self._rows = {TENANT: RESUMED, USAGE: OPENED}
        return _entity(found) if found else None

    async def query_entities(self, *_: Any, **__: Any) -> AsyncIterator[TableEntity]:
        yield _entity(MSP)


def _entity(row: Row) -> TableEntity:
    entity = TableEntity(to_entity(row))
    entity._metadata = {"etag": "1", "timestamp": None}
    return entity


async def test_usage_is_never_older_than_the_tenant_whose_version_guards_it() -> None:
    """Otherwise suspending an active tenant would find its usage closed, and leave it open."""
    table = cast("Any", ResumedMeanwhile())
    store = TableMspStore(table, table, cast("Any", None), cast("Any", None))
    records = await store.tenant_records(CONTOSO, CUSTOMER)
    assert version(records.usage).value == CLOSED
    assert version(records.tenant).value == SUSPENDED
