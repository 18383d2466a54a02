"""Compares a table with its design."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from dbmanager.analyzers.schema_diff.parts import (
    check_part,
    column_part,
    index_part,
    key_part,
    options_part,
    reference_part,
    unique_part,
)
from dbmanager.model.schema import Column, Index, Table
from dbmanager.model.schema_difference import TableDifference


class _Named(Protocol):
    @property
    def name(self) -> str | None: ...


NamedT = TypeVar("NamedT", bound=_Named)


def difference(before: Table, wanted: Table, *, engine: str, drop: bool) -> TableDifference:
    """Return what makes a table as its design says.

    Args:
        before: the table on the target.
        wanted: its design, as the same engine's catalog reads it, in the target's schema.
        engine: whose catalog read both.
        drop: also drop columns, constraints and indexes that the design doesn't have; what stands in the way of
            the design (another primary key, a constraint or index of the same name) is replaced all the same.
    """
    referred = _in(wanted.schema)
    names = {column.name: column for column in before.columns}
    wanted_names = {column.name for column in wanted.columns}
    wanted = replace(wanted, columns=tuple(_commented(column, names.get(column.name)) for column in wanted.columns))
    extra = [column for column in before.columns if column.name not in wanted_names]
    uniques = _compared(before.uniques, wanted.uniques, unique_part, drop)
    checks = _compared(before.checks, wanted.checks, check_part, drop)
    references = _compared(before.foreign_keys, wanted.foreign_keys, referred, drop)
    indexes = _compared(_plain(before), _plain(wanted), index_part, drop)
    gone = {column.name for column in extra} if drop else set()
    kept = [] if drop else [column_part(column) for column in extra]
    kept += [*map(unique_part, uniques.kept), *map(check_part, checks.kept)]
    kept += [*map(referred, references.kept), *map(index_part, indexes.kept)]
    if engine == "mongodb":
        extra, gone = [], set()
    after = replace(
        wanted,
        columns=(*wanted.columns, *(column for column in extra if column.name not in gone)),
        uniques=(*wanted.uniques, *uniques.kept),
        checks=(*wanted.checks, *checks.kept),
        foreign_keys=(*wanted.foreign_keys, *references.kept),
        indexes=(*(i for i in wanted.indexes if i.backs_constraint), *indexes.after),
        triggers=before.triggers,
    )
    return TableDifference(
        before,
        after,
        columns_added=tuple(c for c in wanted.columns if c.name not in names) if engine != "mongodb" else (),
        columns_dropped=tuple(column for column in extra if column.name in gone),
        columns_changed=tuple(
            (names[c.name], c)
            for c in wanted.columns
            if c.name in names and column_part(c) != column_part(names[c.name]) and engine != "mongodb"
        ),
        primary_key_changed=key_part(before) != key_part(wanted) and engine != "mongodb",
        uniques_added=uniques.added,
        uniques_dropped=uniques.dropped,
        references_added=references.added,
        references_dropped=references.dropped,
        checks_added=checks.added,
        checks_dropped=checks.dropped,
        indexes_added=indexes.added,
        indexes_dropped=indexes.dropped,
        options_changed=options_part(before, engine) != options_part(wanted, engine)
        or set(wanted.unmodelled) != {one for one in before.unmodelled if one[0] in {"", *wanted_names}},
        kept=tuple(kept),
    )


class _Compared(Generic[NamedT]):
    """Items that are added, dropped, kept beside the design, and all that stand afterwards."""

    def __init__(
        self, added: Sequence[NamedT], dropped: Sequence[NamedT], kept: Sequence[NamedT], same: Sequence[NamedT]
    ) -> None:
        self.added, self.dropped, self.kept = tuple(added), tuple(dropped), tuple(kept)
        self.after = (*same, *self.added, *self.kept)


def _compared(
    before: Iterable[NamedT], wanted: Iterable[NamedT], part: Callable[[NamedT], str], drop: bool
) -> _Compared[NamedT]:
    """Match items by what they say; one of the same name that says something else is replaced."""
    there, asked = list(before), list(wanted)
    present, needed = {part(item) for item in there}, {part(item) for item in asked}
    added = [item for item in asked if part(item) not in present]
    replaced = {item.name for item in added} - {None}
    beside = [item for item in there if part(item) not in needed]
    dropped = [item for item in beside if drop or item.name in replaced]
    return _Compared(
        added,
        dropped,
        [item for item in beside if item not in dropped],
        [item for item in there if part(item) in needed],
    )


def _commented(column: Column, there: Column | None) -> Column:
    """Return the column with the comment that is there, where the design has none: it is no part of the design."""
    return replace(column, comment=there.comment) if there is not None and column.comment is None else column


def _in(schema: str | None) -> Callable[..., str]:
    return lambda key: reference_part(key, schema)


def _plain(table: Table) -> list[Index]:
    return [index for index in table.indexes if not index.backs_constraint]
