"""Hostile statements for the read-only gate."""
