"""Engines: one folder each, plus what SQL engines share."""
