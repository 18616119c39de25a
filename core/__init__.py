"""The mechanisms that all areas share: they use the ports, and know no area."""
