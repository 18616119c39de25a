"""Mechanisms that all areas share. They use the ports and do not depend on any area."""
