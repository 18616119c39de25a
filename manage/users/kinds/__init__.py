"""The kinds of operations on users, one a file; each adds its route."""
