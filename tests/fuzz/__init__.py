"""A fuzz of Microsoft's answers."""
