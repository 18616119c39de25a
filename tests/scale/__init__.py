"""What growth costs: operations and processor time of a tenant's sync, and a fleet of such."""
