"""Fuzz tests of Microsoft's responses."""
