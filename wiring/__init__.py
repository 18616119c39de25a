"""The composition root: builds every adapter from the settings and hands each area its ports."""
