"""Compares any host that serves the app in `app/` with Microsoft's Functions host."""
