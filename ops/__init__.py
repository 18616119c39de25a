"""Operator commands: python -m ops."""
