"""The masking exit: decides, column by column of a result, what may leave in clear."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, replace

from dbmanager.adapters.facets import Adapter
from dbmanager.analyzers.lineage.languages import trace_result
from dbmanager.analyzers.lineage.model import BaseColumn, Trace
from dbmanager.model.classification import Label, Level
from dbmanager.model.queries import Cell, QueryResult, ResultColumn, Row
from dbmanager.model.schema import DatabaseSchema
from dbmanager.services.policy.labels import LabelBook

MASKED_LEVELS = frozenset((Level.CONFIDENTIAL, Level.RESTRICTED))
MASKED_CERTAINTIES = frozenset(("certain", "likely"))


@dataclass(frozen=True, slots=True)
class MaskedResult:
    """A result that may leave, and what was hidden: output column → kind (`untraced` when provenance is unknown)."""

    result: QueryResult
    masked: dict[str, str]


def is_masked(label: Label) -> bool:
    """Whether a label's values are hidden by default."""
    return label.level in MASKED_LEVELS and label.certainty in MASKED_CERTAINTIES


class Masker:
    """Masks results by provenance. Equal values get equal tokens for as long as this process lives.

    An output column leaves in clear only when every base column that may influence it was found and none of them is
    classified; whatever can't be traced is masked.
    """

    def __init__(self, labels: LabelBook, key: bytes | None = None) -> None:
        self._labels = labels
        self._key = key or secrets.token_bytes(32)

    def token(self, kind: str, value: Cell) -> Cell:
        """Return the stand-in for a value: deterministic within the scope, not reversible; NULL stays NULL."""
        if value is None:
            return None
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
        digest = hmac.new(self._key, f"{kind}\0{text}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()
        return f"[{kind}:{digest[:10]}]"

    async def mask(
        self, connection: str, adapter: Adapter, schema: DatabaseSchema, statement: str, result: QueryResult
    ) -> MaskedResult:
        """Return the result with every column masked that is not traced to unclassified base columns."""
        traces = trace_result(statement, adapter.dialect, schema, [column.name for column in result.columns])
        kinds = await self._kinds(connection, adapter, schema, traces, result)
        hidden = [kind for kind in kinds if kind is not None]
        if not hidden:
            return MaskedResult(result, {})
        rows = tuple(self._row(row, kinds) for row in result.rows)
        columns = self._columns(result, kinds, traces)
        masked = {column.name: kind for column, kind in zip(columns, kinds, strict=True) if kind is not None}
        return MaskedResult(replace(result, rows=rows, columns=columns), masked)

    def _columns(
        self, result: QueryResult, kinds: list[str | None], traces: tuple[Trace, ...] | None
    ) -> tuple[ResultColumn, ...]:
        """Return the columns without the paths below masked ones; a masked column that data named loses its name."""
        found = []
        for number, (column, kind) in enumerate(zip(result.columns, kinds, strict=True)):
            by_data = traces is not None and number < len(traces) and traces[number].named_by_data
            name = str(self.token(kind, column.name)) if kind is not None and by_data else column.name
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

    async def _kinds(
        self,
        connection: str,
        adapter: Adapter,
        schema: DatabaseSchema,
        traces: tuple[Trace, ...] | None,
        result: QueryResult,
    ) -> list[str | None]:
        """Return per output column the kind to mask it as, or None to let it pass."""
        if traces is None or len(traces) != len(result.columns):
            return ["untraced"] * len(result.columns)
        names = [column.name for column in result.columns]
        if any(t.name and t.name.casefold() != n.casefold() and t.sources for t, n in zip(traces, names, strict=True)):
            traces = tuple(
                replace(t, complete=t.complete and _names_agree(t, n)) for t, n in zip(traces, names, strict=True)
            )
        sources = frozenset().union(*(trace.sources for trace in traces)) if traces else frozenset()
        decided = await self.columns_in_clear(connection, adapter, schema, sources)
        kinds: list[str | None] = []
        for trace, column in zip(traces, result.columns, strict=True):
            found = sorted({kind for source in trace.sources if (kind := decided[source]) is not None})
            is_clear = trace.complete and not trace.named_by_data and _knows_paths(trace, column)
            kinds.append(found[0] if found else None if is_clear else "untraced")
        return kinds

    def _row(self, row: Row, kinds: list[str | None]) -> Row:
        return tuple(value if kind is None else self.token(kind, value) for value, kind in zip(row, kinds, strict=True))


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
