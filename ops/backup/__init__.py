"""The backup of all tables: its export, its folder, its import."""
