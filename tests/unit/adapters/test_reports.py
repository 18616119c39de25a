"""Usage reports: which address is trusted, and what counts as a whole report."""

import pytest

from adapters.graph.answers import GraphError
from adapters.graph.reports import read_report, report_address

GRAPH, KEY = "https://graph.microsoft.com", "User Principal Name"
HEADER = "Report Refresh Date,User Principal Name,Display Name\r\n"


def rows(text: str) -> list[dict[str, str]]:
    return list(read_report(text.encode(), KEY))


@pytest.mark.parametrize(
    "address",
    [
        "https://reportsweu.office.com/data/v1.0/download?token=a%2Fb~c",
        "https://reports.office365.com/x",
        "https://reports.office.net",
        "https://REPORTS.Office.com/x",
        "https://graph.microsoft.com/reports/1",
        "https://reportsneu.office.com:443/x?a=[1]@b",
    ],
)
def test_microsofts_addresses_are_followed(address: str) -> None:
    assert report_address(address, GRAPH) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/reports/1",
        "//reports.office.com/x",
        "http://reports.office.com/x",
        "ftp://reports.office.com/x",
        "https://office.com.example.com/x",
        "https://notoffice.com/x",
        "https://example.com/.office.com",
        "https://example.com#.office.com",
        "https://example.com?.office.com",
        "https://example.com\\.office.com/x",
        "https://example.com\t.office.com/x",
        "https://example.com\n.office.com/x",
        "https://example.com%2f.office.com/x",
        "https://user:secret@reports.office.com/x",
        "https://user@reports.office.com/x",
        "https://reports.office.com@example.com/x",
        "https://[::1].office.com/x",
        "https://[/x",
        "https://reports.office.com:port/x",
        "https://r\u00e9ports.office.com/x",
        "https://reports.office.com/ x",
        "https://graph.microsoft.com.example.com/x",
    ],
)
def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(GraphError, match="redirected"):
        report_address(address, GRAPH)


def test_the_columns_are_found_by_their_names() -> None:
    expected = {"Report Refresh Date": "2026-11-01", KEY: "a@example.com", "Display Name": "Ådele"}
    assert rows("\ufeff" + HEADER + "2026-11-01,a@example.com,Ådele\r\n") == [expected]
    reordered = (
        "Display Name,User Principal Name,Report Refresh Date\nÅdele,a@example.com,2026-11-01"
    )
    assert rows(reordered) == [expected]
    newer = (
        "New,User Principal Name,Report Refresh Date,Display Name\n,a@example.com,2026-11-01,Ådele"
    )
    assert rows(newer) == [expected]


def test_a_quoted_value_may_contain_anything() -> None:
    odd = 'comma, "quote"\nline\u2028separator\x0b\x85end'
    quoted = odd.replace('"', '""')
    (row,) = rows(f'{HEADER}2026-11-01,a@example.com,"{quoted}"\r\n')
    assert row["Display Name"] == odd
    (row,) = rows(f"{HEADER}2026-11-01,a@example.com,Ad\u2028ele\r\n")
    assert row["Display Name"] == "Ad\u2028ele"


def test_a_report_without_rows_is_empty() -> None:
    assert rows("\ufeff" + HEADER) == []
    assert rows(HEADER + "\r\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-01,a@exa",
        "2026-11-01",
        '2026-11-01,a@example.com,"Ade',
        "2026-11-01,a@example.com,Adele,more\r\n",
        "2026-11-01,a@example.com,Adele\r\n2026-11-01,b@example.com",
    ],
)
def test_a_row_that_is_cut_off_makes_the_report_unreadable(text: str) -> None:
    with pytest.raises(GraphError, match="report"):
        rows(HEADER + text)


@pytest.mark.parametrize(
    "content", [b"", b"<html>Sign in</html>", b"Other,Columns\r\n1,2\r\n", b"\xff\xfe\x00a", b"{}"]
)
def test_something_else_is_no_report(content: bytes) -> None:
    with pytest.raises(GraphError, match="report"):
        list(read_report(content, KEY))
