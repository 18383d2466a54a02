"""Which text columns hold lists, from sampled values."""

from __future__ import annotations

import re

from dbmanager.model.schema import Table, TypeKind
from dbmanager.model.statistics import Sample

MIN_VALUES = 20
LIST_RATIO = 0.3
_ELEMENT = re.compile(r"[\w.+-]{1,32}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?.*)?")


def list_columns(table: Table, sample: Sample) -> list[tuple[str, str, int, int]]:
    """Return `(column, separator, values with lists, values sampled)` for columns whose values are lists."""
    found: list[tuple[str, str, int, int]] = []
    for column in table.columns:
        if column.type.kind is not TypeKind.TEXT or column.name not in sample.columns:
            continue
        values = [str(value) for value in sample.values(column.name)]
        for separator in (",", ";", "|"):
            lists = sum(1 for value in values if _is_list(value, separator))
            if len(values) >= MIN_VALUES and lists >= LIST_RATIO * len(values):
                found.append((column.name, separator, lists, len(values)))
                break
    return found


def date_columns(table: Table, sample: Sample) -> list[tuple[str, int]]:
    """Return text columns whose sampled values are all ISO dates, with how many values were looked at."""
    found = []
    for column in table.columns:
        if column.type.kind is TypeKind.TEXT and column.name in sample.columns:
            values = [str(value) for value in sample.values(column.name)]
            if len(values) >= MIN_VALUES and all(_DATE.fullmatch(value) for value in values):
                found.append((column.name, len(values)))
    return found


def _is_list(value: str, separator: str) -> bool:
    """Whether it is two or more short words, all of them, around the separator (a sentence is not)."""
    parts = [part.strip() for part in value.split(separator)]
    return len(parts) >= 2 and all(_ELEMENT.fullmatch(part) for part in parts)
