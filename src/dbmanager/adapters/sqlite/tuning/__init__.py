"""Settings of a SQLite file: rules as data, what they are measured by, and how they are changed."""

from dbmanager.adapters.sqlite.tuning.facet import SqliteTuning
from dbmanager.adapters.sqlite.tuning.rules import RULES

__all__ = ["RULES", "SqliteTuning"]
