import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pypdfium2
import pytest
from pypdf import PdfReader

from adapters.invoice_pdf.fonts import printable
from adapters.invoice_pdf.renderer import PdfInvoiceRenderer
from domain.identifiers import MspId, TenantId
from domain.invoice import Invoice, InvoiceLine, InvoiceParty
from domain.month import Month
from domain.msp import Tier

SELLER = InvoiceParty("Manage365 Pty Ltd", "35000000365", "1 Example Street\nSydney NSW 2000")
INVOICE = Invoice(
    msp_id=MspId("m"),
    number=7,
    month=Month(2026, 10),
    issued_at=datetime(2026, 10, 31, 13, 15, tzinfo=UTC),  # 1 November in Sydney
    due_on=date(2026, 11, 15),
    time_zone="Australia/Sydney",
    tier=Tier.BUSINESS,
    unit_price=Decimal("39.00"),
    billed_tenants=19,
    discount=Decimal("0.00"),
    subtotal=Decimal("741.00"),
    gst=Decimal("74.10"),
    seller=SELLER,
    buyer=InvoiceParty("Contoso MSP", "51824753556"),
    line_set="x",
)
# A tenant's name as its admin might type it, in each script that has its own fonts.
NAMES = {
    "Latin": "Đorđe & Søn, Ünïcode",
    "Greek": "Κοντόσο εταιρεία",
    "Cyrillic": "Контосо Лтд",
    "Han and kana": "株式会社コントソ東京",
    "Hangul": "콘토소 주식회사",
    "Armenian": "Կոնտոսո",
    "Georgian": "კონტოსო",
    "Ethiopic": "ኮንቶሶ",
}
COMPLEX = {
    "Arabic": "شركة كونتوسو المحدودة",
    "Hebrew": "קונטוסו",
    "Devanagari": "कॉन्टोसो प्राइवेट",
    "Bengali": "কন্টোসো",
    "Tamil": "கான்டோசோ",
    "Thai": "คอนโตโซ จำกัด",
    "Khmer": "កុងតូសូ",
    "Burmese": "ကွန်တိုဆို",
    "Tibetan": "སྟོན",
}


def lines(count: int, *names: str) -> list[InvoiceLine]:
    return [
        InvoiceLine(
            TenantId(f"{n:08d}-0000-4000-8000-000000000000"),
            names[n] if n < len(names) else f"Customer {n}",
            31,
            31,
            Decimal("39.00"),
        )
        for n in range(count)
    ]


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf), strict=True).pages]


def ink(pdf: bytes) -> float:
    """Return the share of the first page that is not white."""
    picture = pypdfium2.PdfDocument(pdf)[0].render(scale=1, grayscale=True).to_pil()
    counts = picture.histogram()
    return float(1 - sum(counts[250:]) / sum(counts))


def test_a_tax_invoice_carries_what_the_tax_office_asks_for() -> None:
    (text,) = pages(PdfInvoiceRenderer("BSB 000-000").pdf(INVOICE, lines(19)))
    for wanted in (
        "Tax invoice",
        "M365-INV-0007",
        "Manage365 Pty Ltd",
        "ABN 35 000 000 365",
        "Sydney NSW 2000",
        "Contoso MSP",
        "ABN 51 824 753 556",
        "1 November 2026",
        "15 November 2026",
        "October 2026",
        "Manage365 Business: AUD 39.00 a managed tenant and month, 19 tenants",
        "31/31",
        "Subtotal, without GST 741.00",
        "GST 10 % 74.10",
        "Total in AUD, with GST 815.10",
        "BSB 000-000",
        "Page 1 of 1",
    ):
        assert wanted in re.sub(r"\s+", " ", text), wanted
    assert "discount" not in text


def test_a_discount_is_a_line_of_its_own_and_no_gst_is_told() -> None:
    changes = {"discount": Decimal("-61.50"), "subtotal": Decimal("679.50"), "gst": Decimal("0.00")}
    invoice = replace(INVOICE, buyer=InvoiceParty("Fabrikam IT", None), **changes)  # type: ignore[arg-type]  # sample values
    (text,) = pages(PdfInvoiceRenderer().pdf(invoice, lines(19)))
    flat = re.sub(r"\s+", " ", text)
    assert "Annual prepay discount 8.3 % -61.50" in flat
    assert "GST (none: the buyer is outside Australia) 0.00" in flat
    assert "Total in AUD, with GST 679.50" in flat


def test_many_lines_go_on_page_after_page_and_none_is_lost_or_cut() -> None:
    names = ["A long name of a tenant, " * 10, "\u9577\u3044" * 120]
    found = pages(PdfInvoiceRenderer().pdf(INVOICE, lines(150, *names)))
    assert len(found) > 3
    for number, text in enumerate(found, start=1):
        assert f"Page {number} of {len(found)}" in text
        assert "Microsoft tenant ID" in text
        assert "M365-INV-0007" in text
    whole = "\n".join(found)
    assert re.findall(r"(\d{8})-0000-4000-8000", whole) == [f"{n:08d}" for n in range(150)]
    assert whole.count("\u9577\u3044") >= 114  # some pairs are split at the end of a row
    assert "815.10" in found[-1]


def test_the_page_number_stands_at_the_right_edge() -> None:
    page = pypdfium2.PdfDocument(PdfInvoiceRenderer().pdf(INVOICE, lines(60)))[1]
    text = page.get_textpage()
    found, length = text.search("Page 2 of 2").get_next()
    right = text.get_charbox(found + length - 1)[2]
    assert 0 <= page.get_width() - 16 / 25.4 * 72 - right < 12


@pytest.mark.parametrize("script", NAMES)
def test_a_name_in_any_script_is_found_again(script: str) -> None:
    (text,) = pages(PdfInvoiceRenderer().pdf(INVOICE, lines(1, NAMES[script])))
    assert NAMES[script] in text


def test_scripts_that_are_shaped_leave_their_ink_and_no_boxes() -> None:
    bare = ink(PdfInvoiceRenderer().pdf(INVOICE, lines(len(COMPLEX), *["" for _ in COMPLEX])))
    pdf = PdfInvoiceRenderer().pdf(INVOICE, lines(len(COMPLEX), *COMPLEX.values()))
    assert ink(pdf) > bare
    text = pages(pdf)[0]
    assert "\ufffd" not in text
    for name in COMPLEX.values():
        letters = {character for character in name if character.isalpha()}
        assert len(letters & set(text)) >= len(letters) / 2, name


def test_what_no_font_has_is_marked_and_control_characters_do_no_harm() -> None:
    assert printable("a\x00b\ud800c 🦊") == "a b c \ufffd"
    (text,) = pages(PdfInvoiceRenderer().pdf(INVOICE, lines(1, "Fox 🦊\x07\u202e**bold** {nb}")))
    assert "**bold** {nb}" in text


def test_the_same_invoice_gives_the_same_bytes_as_an_archive_wants_them() -> None:
    printer = PdfInvoiceRenderer()
    first = printer.pdf(INVOICE, lines(3, *NAMES.values()))
    assert printer.pdf(INVOICE, lines(3, *NAMES.values())) == first
    for mark in (
        b"<pdfaid:part>2<",
        b"<pdfaid:conformance>U<",
        b"/OutputIntents",
        b"/Lang (en-AU)",
    ):
        assert mark in first
    written = set(re.findall(rb'Date="([^"]+)"', first))
    assert written == {b"2026-10-31T13:15:00+00:00"}
    reader = PdfReader(io.BytesIO(first))
    fonts = [font for page in reader.pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]  # a page has them
    for font in fonts:
        described = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert "/FontFile2" in described.get_object()
