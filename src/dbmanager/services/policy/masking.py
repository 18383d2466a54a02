"""The masking exit: decides, column by column of a result, what may leave in clear."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from dbmanager.adapters.facets import Adapter
from dbmanager.analyzers.lineage.languages import Choices, choices_of, trace_result
from dbmanager.analyzers.lineage.model import Trace
from dbmanager.model.classification import Label, Level
from dbmanager.model.lineage import BaseColumn
from dbmanager.model.queries import QueryResult, ResultColumn, Row
from dbmanager.model.schema import DatabaseSchema
from dbmanager.services.audit import AuditLog
from dbmanager.services.policy.decisions import Decisions
from dbmanager.services.policy.groups import hide_small_groups, is_restricted
from dbmanager.services.policy.labels import LabelBook
from dbmanager.services.policy.tokens import Tokens

MASKED_LEVELS = frozenset((Level.CONFIDENTIAL, Level.RESTRICTED))
MASKED_CERTAINTIES = frozenset(("certain", "likely"))
MAX_TRACES = 500
NEVER_SHOWN = frozenset(("secret", "card_code"))
"""Kinds that are shown to no client: nothing that a model may do needs a password."""


@dataclass(frozen=True, slots=True)
class MaskedResult:
    """A result that may leave.

    Attributes:
        masked: output column → kind it is masked as (`untraced` when provenance is unknown, `small_group` for figures
            over fewer than five rows that restricted columns chose).
        restricted: restricted columns that decided which rows count, `table.column`.
    """

    result: QueryResult
    masked: dict[str, str]
    restricted: tuple[str, ...] = ()


def is_masked(label: Label) -> bool:
    """Whether a label's values are hidden by default."""
    return label.level in MASKED_LEVELS and label.certainty in MASKED_CERTAINTIES


class Masker:
    """Masks results by provenance. Equal values get equal tokens for as long as this process lives.

    An output column leaves in clear only when every base column that may influence it was found and none of them is
    classified, or those that are have been disclosed; whatever can't be traced is masked.
    """

    def __init__(self, labels: LabelBook, decisions: Decisions, tokens: Tokens, audit: Callable[[], AuditLog]) -> None:
        self._labels = labels
        self._decisions = decisions
        self._audit = audit
        self.tokens = tokens
        self._filters: OrderedDict[tuple[str, str, str], Choices] = OrderedDict()
        self._known: OrderedDict[tuple[str, str, str, tuple[str, ...]], tuple[Trace, ...] | None] = OrderedDict()

    async def mask(
        self, connection: str, adapter: Adapter, schema: DatabaseSchema, statement: str, result: QueryResult,
        *, filled: bool = False,
    ) -> MaskedResult:  # fmt: skip
        """Return the result with every column masked that is not traced to unclassified base columns.

        Args:
            connection: its name.
            adapter: of that connection.
            schema: the catalog that names are looked up in.
            statement: what was run.
            result: what came back.
            filled: parameters held values in place of tokens, so an output made of a parameter is masked.
        """
        traces = self._traces(statement, adapter.dialect, schema, tuple(column.name for column in result.columns))
        traced = _agreed(traces, result)
        restricted = await self.restricted(connection, adapter, schema, statement)
        if traced is None:
            return replace(self._masked(result, ["untraced"] * len(result.columns), traces), restricted=restricted)
        counted = frozenset().union(*(trace.counted for trace in traced)) if traced else frozenset()
        decided = await self.columns_in_clear(connection, adapter, schema, _sources(traced) | counted)
        result, small = hide_small_groups(
            result, traced, frozenset(c for c in counted if is_restricted(decided[c])), everywhere=bool(restricted)
        )
        kinds = _kinds(traced, result, decided, filled=filled)
        told = await self._told(connection, adapter, schema, statement, filled=filled)
        kinds = [
            kind or ("chosen_by_value" if told(trace) else None) for kind, trace in zip(kinds, traced, strict=True)
        ]
        if any(kinds):
            found = await self._disclosed(connection, result, traced, decided, kinds, filled=filled)
        else:
            found = MaskedResult(result, {})
        return replace(found, masked={**found.masked, **small}, restricted=restricted)

    async def restricted(
        self, connection: str, adapter: Adapter, schema: DatabaseSchema, statement: str
    ) -> tuple[str, ...]:
        """Return the restricted columns that decide which rows of a statement count, `table.column`."""
        filters, _ = self._choices(statement, adapter.dialect, schema)
        decided = await self.columns_in_clear(connection, adapter, schema, filters)
        return tuple(sorted(f"{c.table}.{c.column}" for c, kind in decided.items() if is_restricted(kind)))

    async def _told(
        self, connection: str, adapter: Adapter, schema: DatabaseSchema, statement: str, *, filled: bool
    ) -> Callable[[Trace], bool]:
        """Return whether an output tells a masked value by having been chosen by it.

        A comparison of a masked column, or of a token's value, with something of another table or something made up
        (`n.i = unicode(substr(email, n.k, 1))`) writes the value down in what it is compared with.
        """
        _, predicates = self._choices(statement, adapter.dialect, schema)
        sources = frozenset().union(*(one.sources for one in predicates)) if predicates else frozenset()
        decided = await self.columns_in_clear(connection, adapter, schema, sources)
        tables: set[tuple[str, str]] = set()
        made_up = False
        for one in predicates:
            masked = {source for source in one.sources if decided[source] is not None}
            if masked or (one.given and filled and (one.generated or not one.plain)):
                tables |= {(other.schema, other.table) for other in one.sources - masked}
                made_up = made_up or one.generated
        return lambda trace: (
            any((source.schema, source.table) in tables for source in trace.influences)
            or (made_up and not trace.influences and not trace.is_count and (trace.generated or not trace.counted))
        )

    def _choices(self, statement: str, dialect: str, schema: DatabaseSchema) -> Choices:
        key = (statement, dialect, schema.fingerprint)
        if key not in self._filters:
            self._filters[key] = choices_of(statement, dialect, schema)
            if len(self._filters) > MAX_TRACES:
                self._filters.popitem(last=False)
        return self._filters[key]

    async def _disclosed(
        self, connection: str, result: QueryResult, traces: tuple[Trace, ...], decided: Mapping[BaseColumn, str | None],
        kinds: list[str | None], *, filled: bool,
    ) -> MaskedResult:  # fmt: skip
        """Mask what no disclosure covers; rows beyond what a disclosure has left are masked as if it were not there."""
        for disclosure in await self._decisions.disclosures(connection):
            shown = {
                c
                for c, kind in decided.items()
                if kind and kind not in NEVER_SHOWN and (c.schema, c.table, c.column) in disclosure.columns
            }
            opened = [
                None if kind and trace.bare and trace.influences <= shown else kind
                for kind, trace in zip(kinds, traces, strict=True)
            ]
            if opened == kinds or not result.rows:
                continue
            rows = await self._decisions.take(disclosure.id, connection, len(result.rows))
            if not rows:
                continue
            names = sorted(f"{column.table}.{column.column}" for column in shown)
            await self._audit().record(
                "disclose", connection, "done", {"disclosure": disclosure.id, "columns": names, "rows": rows}
            )
            clear, rest = replace(result, rows=result.rows[:rows]), replace(result, rows=result.rows[rows:])
            head, tail = self._masked(clear, opened, traces), self._masked(rest, kinds, traces)
            kept = head.result if not rest.rows else replace(head.result, rows=head.result.rows + tail.result.rows)
            return MaskedResult(kept, tail.masked if rest.rows else head.masked)
        return self._masked(result, kinds, traces)

    def _masked(self, result: QueryResult, kinds: list[str | None], traces: tuple[Trace, ...] | None) -> MaskedResult:
        rows = tuple(self._row(row, kinds) for row in result.rows)
        columns = self._columns(result, kinds, traces)
        masked = {column.name: kind for column, kind in zip(columns, kinds, strict=True) if kind is not None}
        return MaskedResult(replace(result, rows=rows, columns=columns), masked)

    def _traces(
        self, statement: str, dialect: str, schema: DatabaseSchema, names: tuple[str, ...]
    ) -> tuple[Trace, ...] | None:
        """Return what the outputs come from; the latest 500 answers are kept."""
        key = (statement, dialect, schema.fingerprint, names)
        if key not in self._known:
            self._known[key] = trace_result(statement, dialect, schema, names)
            if len(self._known) > MAX_TRACES:
                self._known.popitem(last=False)
        return self._known[key]

    def _columns(
        self, result: QueryResult, kinds: list[str | None], traces: tuple[Trace, ...] | None
    ) -> tuple[ResultColumn, ...]:
        """Return the columns without the paths below masked ones; a masked column that data named loses its name."""
        found = []
        for number, (column, kind) in enumerate(zip(result.columns, kinds, strict=True)):
            by_data = traces is not None and number < len(traces) and traces[number].named_by_data
            name = str(self.tokens.token(kind, column.name)) if kind is not None and by_data else column.name
            found.append(ResultColumn(name, column.type, () if kind is not None else column.paths))
        return tuple(found)

    async def columns_in_clear(
        self, connection: str, adapter: Adapter, schema: DatabaseSchema, columns: frozenset[BaseColumn]
    ) -> dict[BaseColumn, str | None]:
        """Return for each base column its kind when it is masked, None when it may leave in clear."""
        decided: dict[BaseColumn, str | None] = {}
        for table_schema, table_name in sorted({(c.schema, c.table) for c in columns}):
            table = schema.table(table_name, table_schema or None)
            labels = {
                label.column: label.type
                for label in await self._labels.labels(connection, adapter, schema, table)
                if is_masked(label)
            }
            for column in columns:
                if (column.schema, column.table) == (table_schema, table_name):
                    decided[column] = labels.get(column.column)
        return decided

    def _row(self, row: Row, kinds: list[str | None]) -> Row:
        token = self.tokens.token
        return tuple(value if kind is None else token(kind, value) for value, kind in zip(row, kinds, strict=True))


def _agreed(traces: tuple[Trace, ...] | None, result: QueryResult) -> tuple[Trace, ...] | None:
    """Return the traces when there is one per output; one whose name is not the output's is not trusted."""
    if traces is None or len(traces) != len(result.columns):
        return None
    names = [column.name for column in result.columns]
    if any(t.name and t.name.casefold() != n.casefold() and t.sources for t, n in zip(traces, names, strict=True)):
        return tuple(replace(t, complete=t.complete and _names_agree(t, n)) for t, n in zip(traces, names, strict=True))
    return traces


def _sources(traces: tuple[Trace, ...]) -> frozenset[BaseColumn]:
    return frozenset().union(*(trace.influences for trace in traces)) if traces else frozenset()


def _kinds(
    traces: tuple[Trace, ...], result: QueryResult, decided: Mapping[BaseColumn, str | None], *, filled: bool
) -> list[str | None]:
    """Return per output column the kind to mask it as, or None to let it pass."""
    kinds: list[str | None] = []
    for trace, column in zip(traces, result.columns, strict=True):
        found = sorted({kind for source in trace.influences if (kind := decided[source]) is not None})
        is_clear = trace.complete and not trace.named_by_data and _knows_paths(trace, column)
        is_clear = is_clear and not (filled and trace.given)
        kinds.append(found[0] if found else None if is_clear else "untraced")
    return kinds


def _knows_paths(trace: Trace, column: ResultColumn) -> bool:
    """Whether every path met below a column is one that was looked at, under whatever name its column left."""
    known = {source.column for source in trace.sources}

    def is_known(path: str) -> bool:
        if any(name == path or name.endswith("." + path) for name in known) or path in trace.made:
            return True
        return any(path.startswith(made + ".") and is_known(path[len(made) + 1 :]) for made in trace.made)

    return all(is_known(path) for path in column.paths)


def _names_agree(trace: Trace, name: str) -> bool:
    """Whether an output bears the name its trace expects; a derived name (an expression) can't be compared."""
    plain = {source.column.casefold() for source in trace.sources}
    return trace.name.casefold() == name.casefold() or trace.name.casefold() not in plain
