"""Settings of PostgreSQL: rules as data, what they are measured by, and how they are changed."""

from dbmanager.adapters.postgresql.tuning.facet import PostgresTuning
from dbmanager.adapters.postgresql.tuning.rules import RULES

__all__ = ["RULES", "PostgresTuning"]
