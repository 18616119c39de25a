"""How requests are put together."""

from collections import Counter
from dataclasses import replace

from adapters.graph.batches import Part, in_batches
from core.data_sets.identity import DOMAINS, ORGANIZATION_BETA
from core.data_sets.policies import CONDITIONAL_ACCESS, NAMED_LOCATIONS
from core.data_sets.security import RISKY_USERS
from core.data_sets.usage import ACTIVE_USERS, APP_USAGE
from core.known_data_sets import DATA_SETS
from domain.data_set import Each, Report, Since, Users


def plain(count: int) -> list[Part]:
    return [Part(replace(DOMAINS, name=f"set{n}"), f"/set{n}") for n in range(count)]


def test_nothing_needs_no_batch() -> None:
    assert in_batches([]) == []


def test_a_batch_has_at_most_twenty_parts_in_the_given_order() -> None:
    parts = plain(45)
    assert in_batches(parts) == [parts[:20], parts[20:40], parts[40:]]


def test_a_batch_has_one_paced_part_and_the_others_fill_the_first() -> None:
    paced = [Part(one, one.path) for one in (CONDITIONAL_ACCESS, NAMED_LOCATIONS, RISKY_USERS)]
    assert all(part.data_set.is_paced for part in paced)
    others = plain(3)
    given = [paced[0], *others, *paced[1:]]
    assert in_batches(given) == [[paced[0], *others], [paced[1]], [paced[2]]]
    many = plain(25)
    first, second = in_batches([*many, *paced[:2]])
    assert (first, second) == ([*many[:19], paced[0]], [*many[19:], paced[1]])


def test_beta_and_reports_are_apart_and_do_not_wait_for_paced_ones() -> None:
    paced = [Part(one, one.path) for one in (CONDITIONAL_ACCESS, NAMED_LOCATIONS)]
    beta, reports = Part(ORGANIZATION_BETA, "/o"), [Part(APP_USAGE, "/a"), Part(ACTIVE_USERS, "/b")]
    assert in_batches([*reports, beta, *paced]) == [
        [paced[0]],
        [beta],
        [reports[0]],
        [reports[1]],
        [paced[1]],
    ]
    assert in_batches([beta]) == [[beta]]
    assert in_batches(reports) == [[reports[0]], [reports[1]]]
    assert [beta.address, reports[0].address] == ["/beta/o", "/v1.0/a"]


def test_the_whole_catalogue_is_read_in_few_batches() -> None:
    parts = [
        Part(one, one.path)
        for one in DATA_SETS.values()
        if not isinstance(one.shape, Users | Each)
        and not (isinstance(one.shape, Since) and one.shape.watched)
    ]
    batches = in_batches(parts)
    asked = Counter(id(part) for batch in batches for part in batch)
    assert asked == {id(part): 1 for part in parts}
    paced = sum(part.data_set.is_paced for part in parts)
    reports = sum(isinstance(part.data_set.shape, Report) for part in parts)
    assert all(sum(part.data_set.is_paced for part in batch) <= 1 for batch in batches)
    assert all(len({part.data_set.version for part in batch}) == 1 for batch in batches)
    assert len(batches) == paced + 1 + reports
