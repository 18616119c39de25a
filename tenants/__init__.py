"""The tenant list: read, edit, lifecycle, sync on demand, hard delete and purge."""
