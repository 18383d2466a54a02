"""What no SQL engine takes over from another as it stands, each with its reason: DDL text is never translated."""

from __future__ import annotations

from dbmanager.adapters.facets import TypeMapping
from dbmanager.model.schema import CheckConstraint, Column

Record = tuple[str, TypeMapping]


def check_of(engine: str, check: CheckConstraint) -> Record:
    """Return the record of a check that is another engine's SQL."""
    return check.name or "check", TypeMapping("rejected", "", f"the check is {engine} SQL: {check.expression}")


def default_of(column: Column) -> Record:
    """Return the record of a default that is more than a literal."""
    return column.name, TypeMapping("rejected", "", f"the default is another engine's SQL: {column.default}")


def generated(column: Column) -> Record:
    """Return the record of a generated column, which becomes a plain one."""
    return column.name, TypeMapping("emulated", "", "the generated value becomes a plain column")
