"""The words of lineage: base columns, traced outputs, and what a FROM clause offers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, order=True)
class BaseColumn:
    """A stored column; the schema is empty where the engine has none."""

    schema: str
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Trace:
    """Where one output column comes from.

    Attributes:
        sources: every base column that may influence the value; a superset when names are ambiguous.
        complete: False when some part could not be traced; the sources are then only a part of the truth.
        named_by_data: the output's very name may be a value (MongoDB's documents can be built from their data).
        opaque: it holds documents in which there may be fields that nobody looked at; they are seen in the result only.
        made: dotted paths below the output that the statement itself writes.
        given: a parameter's value stands in it.
    """

    name: str
    sources: frozenset[BaseColumn] = frozenset()
    complete: bool = True
    named_by_data: bool = False
    opaque: bool = False
    made: frozenset[str] = frozenset()
    given: bool = False

    def renamed(self, name: str) -> Trace:
        """Return the same trace under another output name."""
        return replace(self, name=name)


def merge(name: str, traces: Iterable[Trace]) -> Trace:
    """Return one trace over several: all sources, complete only when all are."""
    sources: frozenset[BaseColumn] = frozenset()
    made: frozenset[str] = frozenset()
    complete, opaque, given = True, False, False
    for trace in traces:
        sources |= trace.sources
        made |= trace.made
        complete, opaque = complete and trace.complete, opaque or trace.opaque
        given = given or trace.given
    return Trace(name, sources, complete, opaque=opaque, made=made, given=given)


@dataclass(frozen=True, slots=True)
class Relation:
    """What one item of a FROM clause offers.

    Attributes:
        columns: its columns in order; None when they are not known (a catalog view, a table function).
        fallback: the trace of a column that is not in `columns`; None means there is no such column.
        using: names merged with an earlier relation by USING or NATURAL.
    """

    alias: str
    columns: tuple[Trace, ...] | None
    fallback: Trace | None = None
    using: frozenset[str] = frozenset()

    def column(self, name: str) -> Trace | None:
        """Return the trace of a column by folded name, all of them merged when several differ by case only."""
        hits = [trace for trace in self.columns or () if trace.name.casefold() == name.casefold()]
        return merge(name, hits) if hits else (self.fallback.renamed(name) if self.fallback else None)

    def whole_row(self) -> Trace:
        """Return the trace of the row as one value."""
        return merge(self.alias, [*(self.columns or ()), *([self.fallback] if self.fallback else [])])
