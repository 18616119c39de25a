"""The page layout of a tax invoice, as PDF/A-2u: for archiving, with text to search and copy.

Required content: https://www.ato.gov.au/businesses-and-organisations/gst-excise-and-indirect-taxes/gst/tax-invoices
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypedDict, Unpack, cast, override
from zoneinfo import ZoneInfo

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue, XPos, YPos

from adapters.invoice_pdf.fonts import BOLD, REGULAR, fonts_for, is_plain, printable
from domain.invoice import CURRENCY, Invoice, InvoiceLine, InvoiceParty

_MARGIN, _FOOT = 16.0, 18.0  # millimetres, like all lengths here
_ROW, _TEXT, _SMALL = 5.0, 8.5, 6.5
_COLUMNS = (("Tenant", 76.0), ("Microsoft tenant ID", 48.0), ("Days", 17.0), ("Price", 17.0))
_AMOUNT = 20.0
_NAME = _COLUMNS[0][1]
# fontTools warns about each font table, meant for type designers only, that it leaves out.
logging.getLogger("fontTools.subset").setLevel(logging.ERROR)
_GREY, _BLACK = 110, 0
_FACE = "noto"
# fpdf2 replaces this text by the number of pages; its default, {nb}, could be a tenant's name.
_PAGES = "{number of pages of this invoice}"


class _Style(TypedDict, total=False):
    """How a text looks."""

    bold: bool
    grey: bool
    size: float


class Page(FPDF):
    """An A4 page with the invoice's number in the footer and, on further pages, in the header."""

    def __init__(self, invoice: Invoice, texts: Sequence[str]) -> None:
        super().__init__(format="A4", enforce_compliance="PDF/A-2U")
        self._invoice = invoice
        self.set_creation_date(invoice.issued_at)
        self.set_lang("en-AU")
        self.set_title(f"Tax invoice {invoice.name}")
        self.set_author(printable(invoice.seller.name))
        self.set_margin(_MARGIN)
        self.alias_nb_pages(_PAGES)
        self.set_auto_page_break(auto=True, margin=_FOOT)
        self._load(texts)
        self.add_page()

    def _load(self, texts: Sequence[str]) -> None:
        self.add_font(_FACE, fname=REGULAR)
        self.add_font(_FACE, style="B", fname=BOLD)
        others = fonts_for(texts)
        for font in others:
            self.add_font(font.stem, fname=font)
        self.set_fallback_fonts([font.stem for font in others], exact_match=False)

    @override
    def file_id(self) -> str:
        """Return the file's identifier, derived from the invoice, not from the time of writing."""
        named = f"{self._invoice.msp_id}:{self._invoice.name}".encode()
        digest = hashlib.blake2b(named, digest_size=16).hexdigest().upper()
        return f"<{digest}><{digest}>"

    @override
    def header(self) -> None:
        """Write on each further page which invoice it continues."""
        if self.page_no() == 1:
            return
        self.write_text(f"Tax invoice {self._invoice.name}, continued", grey=True)
        self.ln(_ROW + 1)
        self.table_head()

    @override
    def footer(self) -> None:
        """Write the page number."""
        self.set_y(-_FOOT + 6)
        self.write_text(self._invoice.name, grey=True, size=_SMALL)
        # Positioned manually: fpdf2 would align the long placeholder, not the number of pages.
        width = self.get_string_width(f"Page {self.page_no()} of 000") + 2 * self.c_margin
        self.set_x(self.w - self.r_margin - width)
        self.write_text(f"Page {self.page_no()} of {_PAGES}", width, grey=True, size=_SMALL)

    def write_text(
        self, text: str, width: float = 60, align: str = "L", **style: Unpack[_Style]
    ) -> None:
        """Write a text on one line, and move to the place of the next one."""
        self.style(**style)
        self.cell(width, _ROW, text, align=Align.coerce(align), new_x=XPos.RIGHT, new_y=YPos.TOP)

    def style(self, *, bold: bool = False, grey: bool = False, size: float = _TEXT) -> None:
        """Set the style of the next text."""
        self.set_font(_FACE, "B" if bold else "", size)
        self.set_text_color(_GREY if grey else _BLACK)

    def table_head(self) -> None:
        """Write the columns' names above a line."""
        for name, width in _COLUMNS:
            align = "L" if width > 20 else "R"  # noqa: PLR2004  texts are wide, numbers narrow
            self.write_text(name, width, align, bold=True)
        self.write_text("Amount", _AMOUNT, "R", bold=True)
        self.ln(_ROW)
        self.rule()

    def rule(self) -> None:
        """Draw a line across the page."""
        self.set_draw_color(180)
        self.line(self.l_margin, self.y, self.w - self.r_margin, self.y)
        self.ln(0.8)

    def rows_of(self, text: str, width: float) -> int:
        """Return the number of rows that a text needs in a column."""
        rows = self.multi_cell(
            width, _ROW, text, align=Align.L, dry_run=True, output=MethodReturnValue.LINES
        )
        return len(cast("list[str]", rows))

    def room(self, height: float) -> None:
        """Start a new page unless this height fits on the current one."""
        if self.will_page_break(height):
            self.add_page()


def tax_invoice(invoice: Invoice, lines: Sequence[InvoiceLine], payment_details: str = "") -> bytes:
    """Return a tax invoice as PDF/A. The same invoice results in the same bytes."""
    names = [printable(line.tenant_name) for line in lines]
    parties = [printable(party.name) for party in (invoice.seller, invoice.buyer)]
    others = [printable(text) for text in (invoice.seller.address, payment_details)]
    page = Page(invoice, [*names, *parties, *others])
    _head(page, invoice)
    page.table_head()
    for line, name in zip(lines, names, strict=True):
        _line(page, line, name, invoice.unit_price)
    _totals(page, invoice)
    _payment(page, invoice, payment_details)
    return _undated(bytes(page.output()), invoice.issued_at)


def _undated(pdf: bytes, issued_at: datetime) -> bytes:
    """Return the file with the time of issue instead of the time of writing, which occurs twice.

    Both texts have the same length, so no positions in the file change.
    """
    issued = issued_at.astimezone(UTC).isoformat(timespec="seconds").encode()
    return re.sub(rb'(xmp:(?:Modify|Metadata)Date=")[^"]{25}"', rb"\g<1>" + issued + b'"', pdf)


def _head(page: Page, invoice: Invoice) -> None:
    page.write_text("Tax invoice", bold=True, size=20)
    page.ln(13)
    top = page.y
    _party(page, "From", invoice.seller)
    bottom = page.y
    page.set_y(top)
    _party(page, "To", invoice.buyer, left=62)
    bottom = max(bottom, page.y)
    page.set_y(top)
    _facts(page, invoice)
    page.set_y(max(bottom, page.y) + 6)
    page.write_text(_description(invoice), 0)
    page.ln(_ROW + 2)


def _party(page: Page, role: str, party: InvoiceParty, left: float = 0) -> None:
    rows = [(role, True), (printable(party.name), False)]
    rows += [(printable(row), False) for row in party.address.splitlines()]
    if party.abn:
        rows.append((f"ABN {spaced_abn(party.abn)}", False))
    for text, grey in rows:
        page.set_x(page.l_margin + left)
        page.style(grey=grey)
        page.set_text_shaping(use_shaping_engine=not is_plain(text))
        page.multi_cell(56, _ROW, text, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_text_shaping(use_shaping_engine=False)


def _facts(page: Page, invoice: Invoice) -> None:
    facts = {
        "Invoice number": invoice.name,
        "Date of issue": _day(invoice.issued_at.astimezone(ZoneInfo(invoice.time_zone))),
        "Due": _day(invoice.due_on),
        "Month": f"{invoice.month.first:%B %Y}",
    }
    for name, value in facts.items():
        page.set_x(page.l_margin + 122)
        page.write_text(name, 26, grey=True)
        page.write_text(value, 30, "R")
        page.ln(_ROW)


def _description(invoice: Invoice) -> str:
    tier = str(invoice.tier).replace("_", " ").title()
    return (
        f"Manage365 {tier}: {CURRENCY} {invoice.unit_price} a managed tenant and month,"
        f" {invoice.billed_tenants} tenants"
    )


def _line(page: Page, line: InvoiceLine, name: str, price: Decimal) -> None:
    """Write a line; a long name takes several rows, all on one page."""
    page.style()
    plain = is_plain(name)
    # Text shaping is slow, and only other scripts need it.
    if not plain:
        page.set_text_shaping(use_shaping_engine=True)
    is_short = plain and page.get_string_width(name) <= _NAME - 2
    height = _ROW * (1 if is_short else page.rows_of(name, _NAME))
    page.room(height)
    top = page.y
    if is_short:
        page.cell(_NAME, _ROW, name, new_x=XPos.RIGHT, new_y=YPos.TOP)
    else:
        page.multi_cell(_NAME, _ROW, name, align=Align.L, new_x=XPos.RIGHT, new_y=YPos.TOP)
    if not plain:
        page.set_text_shaping(use_shaping_engine=False)
    page.set_xy(page.l_margin + _NAME, top)
    _figures(page, line, price)
    page.set_y(top + height)


def _figures(page: Page, line: InvoiceLine, price: Decimal) -> None:
    page.write_text(line.tenant_id, _COLUMNS[1][1], grey=True, size=_SMALL)
    page.style()
    days = f"{line.active_days}/{line.days_in_month}"
    for text, width in ((days, 17.0), (str(price), 17.0), (f"{line.amount:,}", _AMOUNT)):
        page.cell(width, _ROW, text, align=Align.R, new_x=XPos.RIGHT, new_y=YPos.TOP)


def _totals(page: Page, invoice: Invoice) -> None:
    gst = "GST 10 %" if invoice.gst else "GST (none: the buyer is outside Australia)"
    rows = [
        ("Annual prepay discount 8.3 %", invoice.discount, False),
        ("Subtotal, without GST", invoice.subtotal, False),
        (gst, invoice.gst, False),
        (f"Total in {CURRENCY}, with GST", invoice.total, True),
    ]
    page.room(6 * _ROW)
    page.rule()
    for name, amount, bold in rows if invoice.discount else rows[1:]:
        page.set_x(page.l_margin + _NAME)
        page.write_text(name, 82, "R", bold=bold)
        page.write_text(f"{amount:,}", _AMOUNT, "R", bold=bold)
        page.ln(_ROW)


def _payment(page: Page, invoice: Invoice, details: str) -> None:
    texts = [f"Please pay by {_day(invoice.due_on)}, with {invoice.name} as the reference."]
    texts += [printable(text) for text in details.splitlines()]
    page.ln(4)
    page.room(len(texts) * _ROW)
    for text in texts:
        page.write_text(text, 0)
        page.ln(_ROW)


def _day(day: date | datetime) -> str:
    return f"{day.day} {day:%B %Y}"


def spaced_abn(abn: str) -> str:
    """Return an ABN as it is printed: 51 824 753 556."""
    return f"{abn[:2]} {abn[2:5]} {abn[5:8]} {abn[8:]}"
