"""An invoice's lines as CSV, for a spreadsheet."""

import csv
import io
from collections.abc import Iterable

from billing.answers import LineAnswer
from domain.invoice import CURRENCY, Invoice, InvoiceLine

# Spreadsheets take UTF-8 for something else without this mark.
_MARK = "\ufeff"
_COLUMNS = (
    *("invoice", "month", "tenantId", "tenantName", "activeDays", "daysInMonth"),
    *("unitPrice", "amount", "currency"),
)
# A spreadsheet runs a text that begins so: a tenant's name is whatever its admin typed.
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def line_table(invoice: Invoice, lines: Iterable[InvoiceLine]) -> bytes:
    """Return the lines as CSV (RFC 4180), the discount as the last one when there is any."""
    text = io.StringIO(_MARK, newline="")
    text.seek(0, io.SEEK_END)
    table = csv.writer(text)
    table.writerow(_COLUMNS)
    for line in LineAnswer.all_of(lines, invoice):
        table.writerow(
            (
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
        )
    return text.getvalue().encode("utf-8", "replace")


def _inert(name: str) -> str:
    return f"'{name}" if name.startswith(_FORMULA) else name
