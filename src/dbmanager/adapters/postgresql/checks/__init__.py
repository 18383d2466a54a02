"""Security checks for PostgreSQL, as data."""
