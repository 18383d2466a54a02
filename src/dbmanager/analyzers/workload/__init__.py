"""Thinking about what a database is asked: fingerprints, differences, findings; and readers of query files and logs."""
