"""The cost of growth: operations and processor time of a tenant's sync, and of a fleet."""
