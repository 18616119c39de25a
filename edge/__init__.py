"""The HTTP edge: bearer tokens, request handling, mapping of errors to statuses, OpenAPI."""
