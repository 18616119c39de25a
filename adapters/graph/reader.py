"""Reading a tenant's data sets, with the token that its connection takes."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.graph.client import GraphClient, GraphError
from adapters.graph.permissions import READ
from adapters.graph.sku_names import product_name
from adapters.identity import DelegatedAccessRefused, TokenSource
from domain.errors import ConsentRequired, MicrosoftRefused, MicrosoftUnavailable
from domain.msp import Msp
from domain.ports import SyncedRecord, Unreadable
from domain.sync_state import DataSet
from domain.tenant import Tenant

_USER = (
    "id,displayName,userPrincipalName,mail,accountEnabled,userType,createdDateTime,"
    "assignedLicenses,jobTitle,department,usageLocation,onPremisesSyncEnabled"
)
_LICENCE = ("skuId", "skuPartNumber", "capabilityStatus", "consumedUnits")
_UNITS = ("enabled", "suspended", "warning", "lockedOut")
_SCORE = (
    "id",
    "createdDateTime",
    "currentScore",
    "maxScore",
    "enabledServices",
    "licensedUserCount",
    "averageComparativeScores",
)
_LAST_DAY = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Reading:
    path: str
    record: Callable[[dict[str, Any]], SyncedRecord]


class GraphTenantReader:
    """GraphReader over Graph: app-only for the partner tenant, delegated for customers."""

    def __init__(self, tokens: TokenSource, graph: GraphClient) -> None:
        self._tokens, self._graph = tokens, graph

    async def pages(
        self, msp: Msp, tenant: Tenant, data_set: DataSet
    ) -> AsyncIterator[Sequence[SyncedRecord] | Unreadable]:
        """Yield a data set page by page; an Unreadable, if any, comes last."""
        reading = _READINGS[data_set]
        try:
            token = await self._token(msp, tenant)
            async for page in self._graph.pages(reading.path, token):
                yield [reading.record(item) for item in page]
        except GraphError as error:
            missing = READ[data_set] if error.is_denied else None
            yield Unreadable(str(error), missing)
        except ConsentRequired as error:
            yield Unreadable(str(error), READ[data_set])
        except (DelegatedAccessRefused, MicrosoftRefused, MicrosoftUnavailable) as error:
            yield Unreadable(str(error))
        except (KeyError, TypeError, ValueError, AttributeError):
            yield Unreadable("Microsoft Graph sent a record without its key")

    async def _token(self, msp: Msp, tenant: Tenant) -> str:
        if tenant.is_own_msp_tenant:
            return await self._tokens.app_token(msp, tenant.tenant_id)
        return await self._tokens.delegated_token(msp, tenant.tenant_id)


def _user(item: dict[str, Any]) -> SyncedRecord:
    document = {name: item.get(name) for name in _USER.split(",")}
    licences = item.get("assignedLicenses") or []
    document["assignedLicenses"] = [{"skuId": licence["skuId"]} for licence in licences]
    return SyncedRecord(item["id"], document)


def _licence(item: dict[str, Any]) -> SyncedRecord:
    document = {name: item.get(name) for name in _LICENCE}
    units = item.get("prepaidUnits") or {}
    document["prepaidUnits"] = {name: units.get(name) for name in _UNITS}
    document["productName"] = product_name(item["skuPartNumber"])
    return SyncedRecord(item["skuId"], document)


def _score(item: dict[str, Any]) -> SyncedRecord:
    """Key a score by its day, counted down: newest first, one a day."""
    day = datetime.fromisoformat(item["createdDateTime"]).astimezone(UTC)
    key = f"{(_LAST_DAY - day).days:07d}:{day.date().isoformat()}"
    return SyncedRecord(key, {name: item.get(name) for name in _SCORE})


def _policy(item: dict[str, Any]) -> SyncedRecord:
    return SyncedRecord(item["id"], item)


_READINGS = {
    DataSet.USERS: _Reading(f"/users?$top=999&$select={_USER}", _user),
    DataSet.LICENCES: _Reading("/subscribedSkus", _licence),
    DataSet.SECURE_SCORE: _Reading("/security/secureScores?$top=90", _score),
    DataSet.CONDITIONAL_ACCESS: _Reading("/identity/conditionalAccess/policies", _policy),
}
