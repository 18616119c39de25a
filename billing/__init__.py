"""Billing: calculation, issue, PDFs, payment, terms, preview, reconciliation."""
