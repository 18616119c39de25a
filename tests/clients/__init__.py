"""What clients that nobody here wrote make of the simulation. `make check` has them installed."""
