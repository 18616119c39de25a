"""Which properties of a record are kept, and how its key is found."""

from typing import Any

import pytest

from adapters.graph.records import ONLY, kind_of, read_records, selected
from core.data_sets.identity import DOMAINS, GROUPS, LICENCES
from core.data_sets.policies import CONDITIONAL_ACCESS, SECURITY_DEFAULTS
from core.data_sets.roles import ROLE_ASSIGNMENTS, ROLE_GROUP_MEMBERS
from core.data_sets.security import DIRECTORY_AUDITS, SECURE_SCORE
from core.data_sets.usage import ACTIVE_USERS
from core.known_data_sets import DATA_SETS
from domain.data_set import DataSet, Users


@pytest.mark.parametrize(
    ("document", "paths", "kept"),
    [
        ({"a": 1, "b": 2}, ["a", "c"], {"a": 1}),
        ({"a": None}, ["a"], {"a": None}),
        ({"a": {"b": 1, "c": 2}}, ["a.b"], {"a": {"b": 1}}),
        ({"a": {"b": 1, "c": 2, "d": 3}}, ["a.b", "a.d"], {"a": {"b": 1, "d": 3}}),
        ({"a": [{"b": 1, "c": 2}, {"c": 3}]}, ["a.b"], {"a": [{"b": 1}, {}]}),
        ({"a": [[{"b": 1, "c": 2}]]}, ["a.b"], {"a": [[{"b": 1}]]}),
        ({"a": None}, ["a.b"], {"a": None}),
        ({"a": "text"}, ["a.b"], {"a": "text"}),
        ({"a": [1, None]}, ["a.b"], {"a": [1, None]}),
        ({"a": {"b": {"c": 1, "d": 2}, "e": 3}}, ["a.b.c"], {"a": {"b": {"c": 1}}}),
        ({"@odata.type": "t", "@odata": {"type": 1}}, ["@odata.type"], {"@odata.type": "t"}),
        (
            {"p": {"@odata.type": "t", "id": "i", "mail": "m"}},
            ["p.@odata.type", "p.id"],
            {"p": {"@odata.type": "t", "id": "i"}},
        ),
        ({"a": 1}, [], {}),
    ],
)
def test_a_path_selects_a_property(
    document: dict[str, Any], paths: list[str], kept: dict[str, Any]
) -> None:
    assert selected(document, paths) == kept


def read_one(data_set: DataSet, item: Any) -> tuple[str, dict[str, Any]]:
    (record,) = read_records(kind_of(data_set), [item]).records
    return record.key, dict(record.document)


@pytest.mark.parametrize(
    "data_set",
    [one for one in DATA_SETS.values() if not isinstance(one.shape, Users)],
    ids=lambda one: one.name,
)
def test_every_data_set_leaves_out_what_is_no_object(data_set: DataSet) -> None:
    odd: list[Any] = [None, 5, "text", [], [[]]]
    read = read_records(kind_of(data_set), odd)
    assert (read.records, read.unreadable) == ([], [None] * len(odd))
    assert len(read.faults) == len(odd)


def test_a_list_is_keyed_by_its_ids() -> None:
    group = {"id": "g", "displayName": "One", "@odata.etag": "e"}
    key, document = read_one(GROUPS, group)
    assert key == "g"
    assert document == {"id": "g", "displayName": "One"}
    assert read_one(DOMAINS, {"id": "contoso.com", "@odata.context": "c"})[0] == "contoso.com"


def test_an_object_of_its_own_has_one_key() -> None:
    document = {"@odata.context": "c", "@odata.etag": "e", "isEnabled": True}
    assert read_one(SECURITY_DEFAULTS, document) == (ONLY, {"isEnabled": True})


def test_expanded_objects_keep_what_is_listed() -> None:
    principal = {"@odata.type": "#microsoft.graph.group", "id": "p", "displayName": "no"}
    assignment = {"id": "a", "principalId": "p", "principal": principal, "condition": None}
    _, document = read_one(ROLE_ASSIGNMENTS, assignment)
    assert document["principal"] == {"@odata.type": "#microsoft.graph.group", "id": "p"}
    assert "condition" not in document
    targets = [{"id": "t", "type": "User", "userPrincipalName": "no", "modifiedProperties": [1]}]
    _, document = read_one(DIRECTORY_AUDITS, {"id": "d", "targetResources": targets})
    kept = [{"id": "t", "type": "User", "modifiedProperties": [1]}]
    assert document["targetResources"] == kept


def test_a_report_is_keyed_by_its_column_and_keeps_every_other() -> None:
    row = {"User Principal Name": "a@contoso.com", "Is Deleted": "False"}
    assert read_one(ACTIVE_USERS, row) == ("a@contoso.com", row)
    for value in ("", None, "x" * 1025):
        read = read_records(kind_of(ACTIVE_USERS), [{"User Principal Name": value}])
        assert read.records == []
        assert len(read.unreadable) == 1


def test_of_two_records_with_a_key_the_last_one_counts() -> None:
    items = [{"id": "g", "displayName": "old"}, {"id": "h"}, {"id": "g", "displayName": "new"}]
    read = read_records(kind_of(GROUPS), items)
    assert {record.key: record.document for record in read.records} == {
        "g": {"id": "g", "displayName": "new"},
        "h": {"id": "h"},
    }


def test_one_malformed_record_costs_no_other() -> None:
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    items = [{"id": "g"}, {"id": 7}, {"displayName": "no ID"}, {"id": "d", "owner": deep}]
    read = read_records(kind_of(GROUPS), items)
    assert [record.key for record in read.records] == ["g"]
    assert read.unreadable == [None, None, "d"]


def test_the_first_data_sets_have_types_of_their_own() -> None:
    licence = {"skuId": "s", "skuPartNumber": "SPE_E3", "servicePlans": None, "accountId": "no"}
    key, document = read_one(LICENCES, licence)
    assert (key, document["productName"], document["servicePlans"]) == ("s", "Microsoft 365 E3", [])
    plans = [{"servicePlanName": "MTP", "provisioningStatus": "Success", "servicePlanId": "p"}]
    assert read_one(LICENCES, {**licence, "servicePlans": plans})[1]["servicePlans"] == plans
    assert read_records(kind_of(LICENCES), [{"skuId": "s"}]).unreadable == ["s"]
    assert read_one(CONDITIONAL_ACCESS, {"id": "p", "new": 1}) == ("p", {"id": "p", "new": 1})
    assert read_one(SECURE_SCORE, {"createdDateTime": "2026-11-01T00:00:00Z"})[0].endswith(
        ":2026-11-01"
    )


def test_the_members_of_a_group_are_keyed_like_a_list() -> None:
    member = {"@odata.type": "#microsoft.graph.user", "id": "u", "accountEnabled": True}
    assert read_one(ROLE_GROUP_MEMBERS, member)[0] == "u"
