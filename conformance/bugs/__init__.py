"""Seeded bugs, and whether there is a scenario that notices each."""
