"""Operators' commands: python -m ops."""
