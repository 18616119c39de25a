"""/my-tenant: the MSP's own tenant."""
