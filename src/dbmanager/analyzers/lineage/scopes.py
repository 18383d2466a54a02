"""What names mean within a query: relations in reach, and what they offer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from dbmanager.analyzers.lineage.model import NOTHING, Relation, Trace
from dbmanager.model.lineage import BaseColumn
from dbmanager.model.schema import Table

UNKNOWN = Trace("", complete=False)
ROWID = frozenset("rowid oid _rowid_".split())


@dataclass(slots=True)
class Scope:
    """Relations in reach: this query's own, then the enclosing ones."""

    relations: list[Relation] = field(default_factory=list)
    ctes: dict[str, tuple[Trace, ...] | None] = field(default_factory=dict)
    outer: Scope | None = None
    nested: bool = False
    """Relations of a join in parentheses are among its own."""

    def cte(self, name: str) -> tuple[bool, tuple[Trace, ...] | None]:
        """Return whether a CTE of that name is in reach, and its outputs where they are known."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.ctes:
                return True, scope.ctes[name]
            scope = scope.outer
        return False, None

    def chain(self) -> Iterator[Scope]:
        """Yield this scope, then the enclosing ones."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


def row_id_of(table: Table) -> Trace | None:
    """SQLite's hidden row number, which is the integer primary key where there is one."""
    key = table.primary_key.columns if table.primary_key else ()
    sources = frozenset(BaseColumn(table.schema or "", table.name, c) for c in key) if len(key) == 1 else frozenset()
    return Trace("rowid", sources)


def derived(alias: str, outputs: tuple[Trace, ...] | None, *, row_id: Trace | None = None) -> Relation:
    """Return what a named result offers; an unknown one offers anything."""
    if outputs is None:
        return Relation(alias, None, UNKNOWN)
    if row_id is None or any(t.name.casefold() in ROWID for t in outputs):
        return Relation(alias, outputs)
    return WithRowId(alias, outputs, row_id=row_id)


@dataclass(frozen=True, slots=True)
class WithRowId(Relation):
    """A table of SQLite, which also offers its hidden row number."""

    row_id: Trace = NOTHING

    def column(self, name: str) -> Trace | None:
        """Return the trace of a column, or of the hidden row number."""
        found = Relation.column(self, name)
        return self.row_id if found is None and name.casefold() in ROWID else found


def rename(outputs: tuple[Trace, ...] | None, names: list[str]) -> tuple[Trace, ...] | None:
    """Return the outputs under the names that a column list gives the first of them."""
    if outputs is None or not names:
        return outputs
    return tuple(t.renamed(names[i]) if i < len(names) else t for i, t in enumerate(outputs))
