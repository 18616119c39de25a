"""The catalogue of data sets, and what each capability asks for."""

from uuid import UUID

import pytest

from core.capabilities import CAPABILITIES, EXTENDED_READING, MANIFEST, READING
from core.catalogue import load
from core.data_sets import identity, roles
from core.graph_permissions import PERMISSION_IDS, READS_ORGANIZATION
from core.known_data_sets import DATA_SETS
from domain.data_set import DataSet, Document, Each, Since
from tests.unit.core import catalogue_sample


def test_there_are_the_54_data_sets() -> None:
    assert len(DATA_SETS) == 54
    assert DATA_SETS["users"] is identity.USERS


@pytest.mark.parametrize("data_set", DATA_SETS.values(), ids=lambda one: one.name)
def test_a_data_set_says_who_may_read_it_and_where_microsoft_says_so(data_set: DataSet) -> None:
    assert data_set.permissions
    assert data_set.roles
    assert "Global Administrator" not in data_set.roles
    assert data_set.docs.startswith("https://learn.microsoft.com/")
    assert data_set.path.startswith("/")
    assert data_set.version in {"v1.0", "beta"}


@pytest.mark.parametrize("data_set", DATA_SETS.values(), ids=lambda one: one.name)
def test_a_path_has_the_places_that_its_shape_fills(data_set: DataSet) -> None:
    shape = data_set.shape
    assert ("{id}" in data_set.path) is isinstance(shape, Each)
    assert ("{since}" in data_set.path) is isinstance(shape, Since)
    assert ("{accounts}" in data_set.path) is (isinstance(shape, Since) and shape.watched)
    if isinstance(shape, Each):
        assert set(shape.of) <= DATA_SETS.keys()
    if isinstance(shape, Since):
        assert data_set.history is not None


def test_each_permission_has_ids_of_its_own() -> None:
    asked = {name for one in CAPABILITIES.values() for name in one.application}
    assert asked == PERMISSION_IDS.keys()
    identifiers = [text for ids in PERMISSION_IDS.values() for text in ids]
    assert len(set(map(UUID, identifiers))) == len(identifiers)


def test_the_default_is_reading_and_nothing_else() -> None:
    assert READING.application == MANIFEST
    assert not [name for name in MANIFEST if "Write" in name and "Delegated" not in name]
    assert READS_ORGANIZATION & MANIFEST
    assert not MANIFEST & (EXTENDED_READING.delegated - READING.delegated)
    assert "Directory.Read.All" not in MANIFEST


def test_every_data_set_can_be_asked_for() -> None:
    assert {*READING.reads, *EXTENDED_READING.reads} == set(DATA_SETS.values())


def test_two_values_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two values are called same"):
        load(catalogue_sample, catalogue_sample.Word)


def test_a_package_without_values_is_an_empty_catalogue() -> None:
    assert load(catalogue_sample, DataSet) == {}


def test_groups_that_hold_a_role_or_are_excluded_are_expanded() -> None:
    group, user = (
        {"@odata.type": "#microsoft.graph.group"},
        {"@odata.type": "#microsoft.graph.user"},
    )
    known: dict[str, list[Document]] = {
        "roleAssignments": [
            {"principalId": "g1", "principal": group},
            {"principalId": "u1", "principal": user},
        ],
        "roleEligibilities": [{"principalId": "g2", "principal": group}],
        "conditionalAccessPolicies": [
            {"conditions": {"users": {"excludeGroups": ["g3", "g1"]}}},
            {"conditions": {"users": None}},
            {},
        ],
    }
    assert set(roles.groups_to_expand(known)) == {"g1", "g2", "g3"}
    assert not roles.groups_to_expand({})
