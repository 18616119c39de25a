"""Pending work: queued again until it is done."""
