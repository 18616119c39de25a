"""The ledger of operations: list, read, approve, reject, cancel and roll back."""
