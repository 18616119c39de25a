"""The portfolio's reads of all tenants of an MSP: few properties of many rows.

One operation returns a thousand rows; most of its time depends on the number of properties read.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import override

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient

from adapters.tables import access
from adapters.tables.releases import known, readable
from adapters.tables.rows import IN_RANGE, range_of
from adapters.tables.sync_states import read_summary, ref_of
from domain.identifiers import Epoch, MspId, TenantId, TenantRef
from domain.ports.portfolio_reader import PortfolioReader
from domain.row_kinds import kind_of
from domain.sync_state import SyncSummary
from domain.tenant import ListedTenant, Tenant, TenantStatus

_TENANT = ["RowKey", "epoch", "display_name", "is_own_msp_tenant", "status"]
_SUMMARY = ["PartitionKey", "RowKey", "summary"]


class TablePortfolio(PortfolioReader):
    """PortfolioReader in Azure Tables.

    Args:
        msps: The table that contains the tenants.
        sync_states: The table that contains their sync states.
    """

    def __init__(self, msps: TableClient, sync_states: TableClient) -> None:
        self._msps, self._sync_states = msps, sync_states

    @override
    async def tenants(self, msp_id: MspId) -> Sequence[ListedTenant]:
        found = access.query(self._msps, IN_RANGE, range_of(Tenant, msp_id), _TENANT)
        tenants = [readable("a tenant", partial(_listed, msp_id), row) async for row in found]
        return [tenant for tenant in tenants if tenant is not None]

    @override
    async def summaries(self, msp_id: MspId) -> Mapping[TenantRef, SyncSummary]:
        found = access.query(self._sync_states, "PartitionKey eq @msp", {"msp": msp_id}, _SUMMARY)
        return {
            ref_of(row): read_summary(row["summary"]) async for row in found if row.get("summary")
        }


def _listed(msp_id: MspId, row: TableEntity) -> ListedTenant:
    tenant_id = TenantId(row["RowKey"].removeprefix(kind_of(Tenant).range()[0]))
    return ListedTenant(
        TenantRef(msp_id, tenant_id, Epoch(row["epoch"])),
        row["display_name"],
        row["is_own_msp_tenant"],
        known(TenantStatus, row["status"]),
    )
