"""Users of a tenant: what staff can change."""
