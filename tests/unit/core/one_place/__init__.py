"""A module to be added to the package `core.data_sets`."""
