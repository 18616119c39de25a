"""Staff: who works for the MSP, and in which role."""
