"""Tax invoices as PDF: layout and fonts."""
