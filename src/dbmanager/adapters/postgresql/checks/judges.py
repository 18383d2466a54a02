"""How rows become problems: each row is one, with a fix written for its object."""

from __future__ import annotations

from dbmanager.adapters.row_problems import each_row
from dbmanager.adapters.sql.row_findings import flagged

__all__ = ["POSTGRESQL", "TABLE", "each_row", "flagged"]

POSTGRESQL = frozenset({"postgresql"})
TABLE = "format('%s.%s', n.nspname, c.relname) AS object, format('%I.%I', n.nspname, c.relname) AS quoted"
"""A table's name to read, and the same to be written into SQL."""
