"""In-memory implementations of the ports, verified by the contract tests."""
