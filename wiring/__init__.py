"""The composition root: builds every adapter from the settings, and gives each area its ports."""
