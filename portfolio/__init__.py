"""The portfolio: read roll-ups across an MSP's tenants."""
