"""How the records of each data set are read, and which of their properties are kept."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, NotRequired, TypedDict

from pydantic import ConfigDict, with_config
from pydantic_core import PydanticCustomError

from adapters.graph.records import Kind
from adapters.graph.sku_names import product_name
from adapters.schema import (
    STRICT,
    Amount,
    Count,
    Few,
    Json,
    Key,
    Malformed,
    MomentText,
    Name,
    Word,
    bounded,
    parse_moment,
)
from core.data_sets.identity import LICENCES
from core.data_sets.policies import CONDITIONAL_ACCESS
from core.data_sets.security import SECURE_SCORE
from domain.data_set import DataSet, One, Report
from domain.ports.synced_records import SyncedRecord

# The key of the record of a data set that is one object.
ONLY = "object"
_LONGEST_ID = 1024
_ANNOTATIONS = {"@odata.context", "@odata.etag"}


@with_config(STRICT)
class Units(TypedDict, total=False):
    """https://learn.microsoft.com/graph/api/resources/licenseunitsdetail ."""

    enabled: Count | None
    suspended: Count | None
    warning: Count | None
    lockedOut: Count | None


@with_config(STRICT)
class ServicePlan(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/serviceplaninfo ."""

    servicePlanId: NotRequired[Key | None]
    servicePlanName: Word
    provisioningStatus: NotRequired[Word | None]


@with_config(STRICT)
class Licence(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/subscribedsku ."""

    skuId: Key
    skuPartNumber: Word
    capabilityStatus: NotRequired[Word | None]
    consumedUnits: NotRequired[Count | None]
    prepaidUnits: NotRequired[Units | None]
    servicePlans: NotRequired[Few[ServicePlan] | None]


@with_config(STRICT)
class Score(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/securescore ."""

    id: NotRequired[Name | None]
    createdDateTime: MomentText
    currentScore: NotRequired[Amount | None]
    maxScore: NotRequired[Amount | None]
    enabledServices: NotRequired[Few[Name] | None]
    licensedUserCount: NotRequired[Count | None]
    averageComparativeScores: NotRequired[Json]


@with_config(ConfigDict({**STRICT, "extra": "allow"}))
class Policy(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy ."""

    id: Key
    displayName: NotRequired[Name | None]
    state: NotRequired[Word | None]


def _licence(licence: Licence) -> SyncedRecord:
    names = ("skuId", "skuPartNumber", "capabilityStatus", "consumedUnits")
    document: dict[str, Any] = {name: licence.get(name) for name in names}
    units = licence.get("prepaidUnits") or {}
    document["prepaidUnits"] = {name: units.get(name) for name in Units.__annotations__}
    document["productName"] = product_name(licence["skuPartNumber"])
    document["servicePlans"] = licence.get("servicePlans") or []
    return SyncedRecord(licence["skuId"], document)


def _score(score: Score) -> SyncedRecord:
    """Return a score, keyed by its day in descending order: newest first, one per day."""
    moment = parse_moment(score["createdDateTime"])
    if moment > datetime.now(UTC) + timedelta(days=1):
        raise Malformed("createdDateTime", "in_the_future")
    days_left = date.max.toordinal() - moment.date().toordinal()
    key = f"{days_left:07d}:{moment.date().isoformat()}"
    return SyncedRecord(key, {name: score.get(name) for name in Score.__annotations__})


def _moment_of(score: SyncedRecord) -> datetime:
    return parse_moment(score.document["createdDateTime"])


def _policy(policy: Policy) -> SyncedRecord:
    try:
        return SyncedRecord(policy["id"], bounded(policy))
    except PydanticCustomError as fault:
        raise Malformed("", fault.type) from None


_SPECIAL = {
    LICENCES.name: Kind(Licence, "skuId", _licence),
    SECURE_SCORE.name: Kind(Score, "createdDateTime", _score, _moment_of),
    CONDITIONAL_ACCESS.name: Kind(Policy, "id", _policy),
}


@with_config(ConfigDict({**STRICT, "extra": "allow"}))
class Identified(TypedDict):
    """Any object with an ID."""

    id: Key


def kind_of(data_set: DataSet) -> Kind:
    """Return how the records of a data set are read."""
    if special := _SPECIAL.get(data_set.name):
        return special
    match data_set.shape:
        case One():
            return Kind(dict[str, Any], "id", partial(_stored, data_set.keep, lambda _: ONLY))
        case Report(key):
            return Kind(dict[str, Any], key, partial(_stored, (), partial(_text_of, key)))
    return Kind(Identified, "id", partial(_stored, data_set.keep, partial(_text_of, "id")))


def _text_of(key: str, document: dict[str, Any]) -> str:
    value = document[key]
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID:
        raise Malformed(key, "string_type")
    return value


def _stored(
    keep: tuple[str, ...], key: Callable[[dict[str, Any]], str], document: dict[str, Any]
) -> SyncedRecord:
    """Return a record with the properties to keep, without Graph's own annotations."""
    try:
        bounded(document)
    except PydanticCustomError as fault:
        raise Malformed("", fault.type) from None
    plain = {name: value for name, value in document.items() if name not in _ANNOTATIONS}
    return SyncedRecord(key(document), selected(plain, keep) if keep else plain)


def selected(document: dict[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """Return the properties at some dotted paths; a path leads through lists as well."""
    below: dict[str, list[str]] = {}
    for path in paths:
        # Names such as `@odata.type` contain a dot themselves.
        name, _, rest = ("", "", "") if path.startswith("@") else path.partition(".")
        below.setdefault(name or path, []).extend([rest] if rest else [])
    return {
        name: _selected(document[name], rest) if rest else document[name]
        for name, rest in below.items()
        if name in document
    }


def _selected(value: Any, paths: list[str]) -> Any:
    if isinstance(value, list):
        return [_selected(item, paths) for item in value]
    return selected(value, paths) if isinstance(value, dict) else value
