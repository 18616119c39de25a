"""GDAP relationships with customers: invites and their de-duplication."""
