"""Usage reports: CSV files at an address to which Graph redirects.

https://learn.microsoft.com/graph/api/resources/report
"""

import csv
import io
import re
from collections.abc import Iterator
from sys import intern
from typing import Any
from urllib.parse import urlsplit

from adapters.graph.answers import GraphError

# Microsoft's own hosts; the names in front of them differ by region.
_REPORT_HOSTS = (".office.com", ".office365.com", ".office.net", ".microsoft.com")
# Other characters are read differently by different parsers.
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[\x21-\x5b\x5d-\x7e]*)?")


def report_address(location: str, endpoint: str) -> str:
    """Return the address of a report, after checking that it is Microsoft's.

    Args:
        endpoint: URL of Microsoft Graph; a report may also be at the same host.

    Raises:
        GraphError: The address is not one of Microsoft's, or is not encrypted.
    """
    if not _ADDRESS.fullmatch(location):
        raise GraphError(0, "a report is redirected nowhere")
    graph, given = urlsplit(endpoint), urlsplit(location)
    host = given.hostname or ""
    is_known = host == graph.hostname or host.endswith(_REPORT_HOSTS)
    if not is_known or given.scheme != graph.scheme:
        raise GraphError(0, "a report is redirected to another host")
    return location


def read_report(content: bytes, key: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a report by the names of its columns, in any order.

    A cell without a value is left out.

    Args:
        key: The column that identifies a row.

    Raises:
        GraphError: It is not a CSV file with this column.
    """
    try:
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        rows = csv.reader(text, strict=True)
        columns = [intern(name) for name in next(rows, [])]
        if key not in columns:
            raise GraphError(0, "the report lacks a column")
        for row in rows:
            if row and len(row) != len(columns):
                raise GraphError(0, "the report is cut off")
            if row:
                yield {name: value for name, value in zip(columns, row, strict=True) if value}
    except (UnicodeDecodeError, csv.Error):
        raise GraphError(0, "the report is not CSV") from None
