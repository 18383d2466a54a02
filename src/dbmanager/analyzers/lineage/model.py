"""The words of lineage: base columns, traced outputs, and what a FROM clause offers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dbmanager.model.lineage import BaseColumn


@dataclass(frozen=True, slots=True)
class Trace:
    """Where one output column comes from.

    Attributes:
        sources: every base column that the value is made of; a superset when names are ambiguous.
        conditions: columns that a query used as a value compares on its way: they decide which value it is.
        counted: columns of which only the number or the absence of values tells, and those that an aggregate filters by.
        complete: False when some part could not be traced; the sources are then only a part of the truth.
        named_by_data: the output's very name may be a value (MongoDB's documents can be built from their data).
        opaque: it holds documents in which there may be fields that nobody looked at; they are seen in the result only.
        made: dotted paths below the output that the statement itself writes.
        given: a parameter's value stands in it.
        is_count: it is a number of rows or values and nothing else.
        aggregates: an aggregate function had a part in it.
        bare: it is a stored column as it stands, whatever it is called.
        generated: a column had a part in it that is of no base column: the statement makes up what stands there.
    """

    name: str
    sources: frozenset[BaseColumn] = frozenset()
    complete: bool = True
    named_by_data: bool = False
    opaque: bool = False
    made: frozenset[str] = frozenset()
    given: bool = False
    conditions: frozenset[BaseColumn] = frozenset()
    counted: frozenset[BaseColumn] = frozenset()
    is_count: bool = False
    aggregates: bool = False
    bare: bool = False
    generated: bool = False

    @property
    def influences(self) -> frozenset[BaseColumn]:
        """Every base column whose values could be read off the output."""
        return self.sources | self.conditions

    def renamed(self, name: str) -> Trace:
        """Return the same trace under another output name."""
        return replace(self, name=name)


def merge(name: str, traces: Iterable[Trace]) -> Trace:
    """Return one trace over several: all sources, complete only when all are; a count only as the only one."""
    found = [trace for trace in traces if trace != NOTHING]
    if len(found) == 1:
        return replace(found[0], name=name, named_by_data=False)
    return Trace(
        name,
        frozenset().union(*(trace.sources for trace in found)),
        all(trace.complete for trace in found),
        opaque=any(trace.opaque for trace in found),
        made=frozenset().union(*(trace.made for trace in found)),
        given=any(trace.given for trace in found),
        conditions=frozenset().union(*(trace.conditions for trace in found)),
        counted=frozenset().union(*(trace.counted for trace in found)),
        is_count=bool(found) and all(trace.is_count for trace in found),
        aggregates=any(trace.aggregates for trace in found),
        generated=any(trace.generated for trace in found),
    )


NOTHING = Trace("")


@dataclass(frozen=True, slots=True)
class Predicate:
    """One comparison that decides which rows count.

    Attributes:
        sources: the base columns in it.
        given: a parameter stands in it.
        generated: something that is of no base column, and no literal, stands in it (a number that a query made up).
        plain: a column as it stands is compared with parameters or literals, for being equal or not.
    """

    sources: frozenset[BaseColumn]
    given: bool
    generated: bool
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a query reads.

    Attributes:
        outputs: one trace per output column, in order.
        touched: every base column that the query names anywhere, or takes as part of a whole row.
        filters: those that decide which rows count, and how they are put together or cut: WHERE, HAVING, joins, filters of
            aggregates, GROUP, ORDER, LIMIT.
        predicates: the comparisons among them, one by one.
    """

    outputs: tuple[Trace, ...]
    touched: frozenset[BaseColumn]
    filters: frozenset[BaseColumn]
    predicates: tuple[Predicate, ...] = ()


@dataclass(frozen=True, slots=True)
class Relation:
    """What one item of a FROM clause offers.

    Attributes:
        columns: its columns in order; None when they are not known (a catalog view, a table function).
        fallback: the trace of a column that is not in `columns`; None means there is no such column.
        using: folded names merged with earlier relations by USING or NATURAL, in the order in which a star gives them.
    """

    alias: str
    columns: tuple[Trace, ...] | None
    fallback: Trace | None = None
    using: tuple[str, ...] = ()

    def column(self, name: str) -> Trace | None:
        """Return the trace of a column by folded name, all of them merged when several differ by case only."""
        hits = [trace for trace in self.columns or () if trace.name.casefold() == name.casefold()]
        return merge(name, hits) if hits else (self.fallback.renamed(name) if self.fallback else None)

    def whole_row(self) -> Trace:
        """Return the trace of the row as one value."""
        return merge(self.alias, [*(self.columns or ()), *([self.fallback] if self.fallback else [])])
