"""Schemas as text within a token budget, saying what was left out."""
