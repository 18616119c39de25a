"""Billing: calculation, issuing, PDFs, payment, terms, preview, reconciliation."""
