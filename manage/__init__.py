"""What can be done with a tenant, one area each."""
