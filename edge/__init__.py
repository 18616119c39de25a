"""The HTTP edge: bearer tokens, the boundary, errors to statuses, OpenAPI."""
