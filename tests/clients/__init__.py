"""Tests of the simulation with third-party clients. `make check` installs them."""
