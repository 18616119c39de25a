"""The audit log, read only: events are written with what they describe."""
