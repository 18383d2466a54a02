"""Compares a schema with a design: the parts of a table in one spelling, and what differs."""
