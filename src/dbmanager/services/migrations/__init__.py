"""Alembic migrations of the store, as package data."""
