"""Security checks for SQLite, as data."""
