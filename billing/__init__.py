"""Billing: usage, the invoice calculation, the preview."""
