"""The records of each data set: their types, the properties that are kept, and their keys.

A record that does not have the type documented by Microsoft does not affect the others: it is left
out, and listed as unreadable.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from typing import Any, NotRequired, Required, TypedDict

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic_core import PydanticCustomError

from adapters.graph.sku_names import product_name
from adapters.schema import (
    STRICT,
    Amount,
    Count,
    Few,
    Flag,
    Json,
    Key,
    Malformed,
    MomentText,
    Name,
    PrincipalName,
    Word,
    bounded,
    check,
    parse_moment,
)
from core.data_sets.identity import LICENCES
from core.data_sets.policies import CONDITIONAL_ACCESS
from core.data_sets.security import SECURE_SCORE
from domain.data_set import DataSet, One, Report
from domain.ports.synced_records import SyncedRecord


@with_config(STRICT)
class AssignedLicence(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/assignedlicense ."""

    skuId: Key
    disabledPlans: NotRequired[Few[Key] | None]


@with_config(STRICT)
class User(TypedDict, total=False):
    """https://learn.microsoft.com/graph/api/resources/user ."""

    id: Required[Key]
    displayName: Name | None
    userPrincipalName: PrincipalName | None
    mail: PrincipalName | None
    accountEnabled: Flag | None
    userType: Word | None
    createdDateTime: MomentText | None
    assignedLicenses: Few[AssignedLicence] | None
    jobTitle: Name | None
    department: Name | None
    usageLocation: Word | None
    onPremisesSyncEnabled: Flag | None


USER_PROPERTIES = tuple(User.__annotations__)
# The key of the record of a data set that is one object.
ONLY = "object"
_LONGEST_ID = 1024
_ANNOTATIONS = {"@odata.context", "@odata.etag"}
_NO_USER = dict.fromkeys(USER_PROPERTIES)


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


@dataclass(frozen=True, slots=True)
class Kind:
    """How a data set's records are read.

    Args:
        model: The type of a record's document.
        key: The property that identifies an unreadable record.
        record: Returns the record of a document of that type; raises Malformed.
        order: If several records have the same key, the last one in this order counts.
    """

    model: Any
    key: str
    record: Callable[[Any], SyncedRecord]
    order: Callable[[SyncedRecord], Any] | None = None


@dataclass(slots=True)
class Read:
    """The result of reading records.

    Args:
        unreadable: The key of each record that does not match its type; None without a key.
        faults: Field and kind of fault of each unreadable record.
    """

    records: list[SyncedRecord]
    unreadable: list[str | None]
    faults: list[Malformed]


def read_records(kind: Kind, items: Sequence[Any]) -> Read:
    """Read records, and return one per key."""
    try:
        found = [kind.record(document) for document in _all(kind.model).validate_python(items)]
        read = Read(found, [], [])
    except (ValidationError, Malformed):
        read = _one_by_one(kind, items)
    read.records = latest(kind, read.records)
    return read


def latest(kind: Kind, records: Sequence[SyncedRecord]) -> list[SyncedRecord]:
    """Return one record per key: the last one, in the order of the kind if it has one."""
    ordered = sorted(records, key=kind.order) if kind.order else records
    return list({record.key: record for record in ordered}.values())


def _one_by_one(kind: Kind, items: Iterable[Any]) -> Read:
    read = Read([], [], [])
    for item in items:
        try:
            read.records.append(kind.record(check(_one(kind.model), item)))
        except Malformed as fault:
            read.unreadable.append(key_of(item, kind.key))
            read.faults.append(fault)
    return read


def key_of(item: Any, name: str = "id") -> str | None:
    """Return a record's key, or None if the key cannot be read."""
    try:
        return check(_one(Key), item.get(name)) if isinstance(item, dict) else None
    except Malformed:
        return None


@cache
def _one(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


@cache
def _all(model: Any) -> TypeAdapter[list[Any]]:
    return TypeAdapter(list[model])


def user_record(user: User) -> SyncedRecord:
    """Return a user with every requested property."""
    document: dict[str, Any] = {**_NO_USER, **user}
    document["assignedLicenses"] = _licences(document["assignedLicenses"])
    return SyncedRecord(user["id"], document)


def _licences(assigned: Any) -> list[Any]:
    """Return the licences of a user; most have no disabled plans, and need not say so."""
    return [
        licence if licence.get("disabledPlans") else {"skuId": licence["skuId"]}
        for licence in assigned or ()
    ]


def user_change(user: User) -> SyncedRecord:
    """Return a user's change from a delta: properties that are not in it have not changed."""
    document: dict[str, Any] = {**user}
    if "assignedLicenses" in user:
        document["assignedLicenses"] = _licences(user["assignedLicenses"])
    return SyncedRecord(user["id"], document)


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


USERS = Kind(User, "id", user_record)
CHANGED_USERS = Kind(User, "id", user_change)
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


def added_up(changes: list[Any]) -> tuple[list[Any], list[str]]:
    """Return each changed user of a page once, and the keys of those that are removed.

    Graph may return a user several times: the changes are merged. A user that was removed and is
    returned again exists again.
    """
    latest: dict[str | int, Any] = {}
    removed: dict[str, None] = {}
    for number, item in enumerate(changes):
        key = key_of(item)
        if key is None:
            latest[number] = item
        elif is_removed(item):
            removed[key] = None
            latest.pop(key, None)
        else:
            latest[key] = {**latest.get(key, {}), **item}
    return list(latest.values()), list(removed)


def is_removed(item: Any) -> bool:
    """Return whether an item says that its user was deleted."""
    return isinstance(item, dict) and "@removed" in item
