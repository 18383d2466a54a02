"""Writes the reference pages from the objects they describe; `make docs` runs it, a test compares."""
