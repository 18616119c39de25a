"""The portfolio: searches and figures across an MSP's tenants, read only."""
