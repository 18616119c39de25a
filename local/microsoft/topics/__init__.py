"""What a tenant contains at Microsoft, one module for each topic."""
