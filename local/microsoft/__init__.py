"""A simulated Microsoft: Entra ID and Graph over TLS, strict where the real ones are."""
