"""In-memory implementations of the ports, held to them by the contract tests."""
