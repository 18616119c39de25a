"""Staff: the people who work for the MSP, and their roles."""
