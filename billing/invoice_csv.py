"""An invoice's lines as CSV, for a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable

from billing.answers import LineAnswer
from domain.invoice import CURRENCY, Invoice, InvoiceLine

# Without this byte order mark, spreadsheets do not recognise UTF-8.
_MARK = "\ufeff"
_COLUMNS = (
    *("invoice", "month", "tenantId", "tenantName", "activeDays", "daysInMonth"),
    *("unitPrice", "amount", "currency"),
)
# A spreadsheet evaluates a text that begins with one of these, also in full or small width. The
# admin of a tenant chooses its name. https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = (
    r"=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b"
    r"\u207a-\u207c\u208a-\u208c\u2212"
)
# A spreadsheet skips these before it: blanks, characters that Unicode defines as invisible, quotes.
_UNSEEN = (
    r"\s\"\x00-\x20\x7f-\xa0\xad\u0300-\u036f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    r"\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800"
    r"\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# The start of a cell: in many countries, spreadsheets use `;` as the separator.
_BEGIN = r"(?:\A|(?<=[;\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]))"
_LIVE = re.compile(f"{_BEGIN}(?=[{_UNSEEN}]*[{_FORMULA}])")


def line_table(invoice: Invoice, lines: Iterable[InvoiceLine]) -> bytes:
    """Return the lines as CSV (RFC 4180), with the discount as the last line if there is one."""
    text = io.StringIO(_MARK, newline="")
    text.seek(0, io.SEEK_END)
    table = csv.writer(text, quoting=csv.QUOTE_ALL)
    table.writerow(_COLUMNS)
    table.writerows(_row(invoice, line) for line in LineAnswer.all_of(lines, invoice))
    return text.getvalue().encode("utf-8", "replace")


def _row(invoice: Invoice, line: LineAnswer) -> tuple[object, ...]:
    return (
        invoice.name,
        invoice.month,
        line.tenant_id,
        _inert(line.tenant_name),
        line.active_days,
        line.days_in_month,
        invoice.unit_price,
        line.amount,
        CURRENCY,
    )


def _inert(name: str) -> str:
    """Return a text that no spreadsheet evaluates: an apostrophe precedes every formula."""
    return _LIVE.sub("'", name)
