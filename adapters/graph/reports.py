"""Usage reports: CSV files at an address to which Graph redirects.

https://learn.microsoft.com/graph/api/resources/report
"""

import csv
from typing import Any
from urllib.parse import urlsplit

from adapters.graph.answers import GraphError

# Microsoft's own hosts; the names in front of them differ by region.
_REPORT_HOSTS = (".office.com", ".office365.com", ".office.net", ".microsoft.com")


def report_address(location: str, endpoint: str) -> str:
    """Return the address of a report, after checking that it is Microsoft's.

    Args:
        endpoint: URL of Microsoft Graph; a report may also be at the same host.

    Raises:
        GraphError: The address is not one of Microsoft's, or is not encrypted.
    """
    graph = urlsplit(endpoint)
    try:
        given = urlsplit(location)
    except ValueError:
        raise GraphError(0, "a report is redirected nowhere") from None
    host = given.hostname or ""
    is_known = host == graph.hostname or host.endswith(_REPORT_HOSTS)
    if not is_known or given.scheme != graph.scheme or given.username is not None:
        raise GraphError(0, "a report is redirected to another host")
    return location


def read_report(content: bytes, key: str) -> list[dict[str, Any]]:
    """Return the rows of a report by the names of its columns, in any order.

    Args:
        key: The column that identifies a row.

    Raises:
        GraphError: It is not a CSV file with this column.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
        rows = list(csv.DictReader(lines, strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise GraphError(0, "the report is not CSV") from None
    if rows and key not in rows[0]:
        raise GraphError(0, "the report lacks a column")
    # A row of another length has values without a column, or columns without a value.
    if any(None in row or None in row.values() for row in rows):
        raise GraphError(0, "the report is cut off")
    return [{str(name): value for name, value in row.items()} for row in rows]
