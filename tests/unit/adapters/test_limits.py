import pytest

from adapters.tables.limits import LimitExceeded, check_entity, check_transaction, units

ROW = {"PartitionKey": "p", "RowKey": "r"}
LARGE = {**ROW, **{f"d{n}": "x" * 32_000 for n in range(8)}}


@pytest.mark.parametrize(
    ("entity", "named"),
    [
        ({**ROW, "RowKey": "a/b"}, "RowKey"),
        ({**ROW, "PartitionKey": "a#b"}, "PartitionKey"),
        ({**ROW, "RowKey": "a\nb"}, "RowKey"),
        ({**ROW, "RowKey": "é" * 513}, "RowKey"),
        ({**ROW, "notes": "x" * 32_769}, "notes"),
        ({**ROW, "notes": "🦊" * 16_385}, "notes"),
        ({**ROW, **{f"d{n}": "x" * 32_768 for n in range(20)}}, "1 MiB"),
        ({**ROW, **{f"p{n}": 1 for n in range(253)}}, "properties"),
    ],
)
def test_a_row_over_a_limit_is_refused_by_name(entity: dict[str, object], named: str) -> None:
    with pytest.raises(LimitExceeded, match=named):
        check_entity(entity)


def test_a_row_within_the_limits_passes() -> None:
    full = {**ROW, "RowKey": "é" * 512, "notes": "🦊" * 16_384}
    assert check_entity(full) > 65_536
    assert units("🦊a") == 3


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([{**ROW, "RowKey": str(n)} for n in range(101)], "100"),
        ([ROW, ROW], "once"),
        ([ROW, {"PartitionKey": "q", "RowKey": "s"}], "partition"),
        ([{**LARGE, "RowKey": str(n)} for n in range(9)], "4 MiB"),
    ],
)
def test_a_transaction_over_a_limit_is_refused(rows: list[dict[str, object]], named: str) -> None:
    with pytest.raises(LimitExceeded, match=named):
        check_transaction(list(rows))
