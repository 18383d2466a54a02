"""The configuration's keys, each with the environment variable that overrides it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dbmanager.services.configuration import PREFIX
from scripts.reference.json_schema import FieldRow


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of `dbmanager.toml`; `variable` is empty for a table, which is set key by key."""

    row: FieldRow
    variable: str


def with_variables(rows: Iterable[FieldRow]) -> list[Setting]:
    """Return the settings in the order of the configuration's models."""
    return [Setting(row, "" if "table" in row.type else _variable(row.path)) for row in rows]


def _variable(path: str) -> str:
    return PREFIX + path.replace(".", "__").upper()
