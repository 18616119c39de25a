"""The audit log, read only: events are written together with the change that they describe."""
