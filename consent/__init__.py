"""Admin consent: sessions, and what follows from Microsoft's unsigned redirect."""
