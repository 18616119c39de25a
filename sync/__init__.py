"""Graph sync: what is due, one tenant, each data set."""
