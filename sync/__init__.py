"""Graph sync: finding due tenants, syncing one tenant, syncing each data set."""
