"""Typed tools, thin: one module per phase plus core and workflow."""
