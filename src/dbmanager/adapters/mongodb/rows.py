"""Documents as rows: one column per top-level field in the order met, within the bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dbmanager.adapters.mongodb.values import cell
from dbmanager.adapters.sql.bounds import BoundedRows
from dbmanager.model.queries import Cell, QueryRequest, QueryResult, ResultColumn

NULL_BYTES = 5
MAX_PATHS = 2_000


class DocumentRows(BoundedRows):
    """Rows of documents; a field that a document lacks is None in its row."""

    def __init__(self, request: QueryRequest) -> None:
        super().__init__(request)
        self._columns: dict[str, set[str]] = {}

    def feed(self, batch: Iterable[Mapping[str, Any]]) -> bool:  # type: ignore[override] # documents are its rows
        """Take documents; return False once no more are wanted."""
        for document in batch:
            new = [name for name in _in_order(document) if name not in self._columns]
            padding = sum(len(name.encode()) + 8 for name in new) + NULL_BYTES * len(new) * len(self.rows)
            if self.rows and self.size_bytes + padding > self.request.limits.max_bytes:
                self.truncated_by = "bytes"
                return False
            cells = {name: cell(document[name]) for name in document}
            before = len(self.rows)
            names = [*self._columns, *new]
            if not super().feed([[cells.get(name) for name in names]]):
                return False
            if len(self.rows) > before:
                self.size_bytes += padding
                for name in new:
                    self._columns[name] = set()
                for name, value in cells.items():
                    _note_paths(value, self._columns[name])
        return True

    def result(self, columns: Iterable[ResultColumn] = ()) -> QueryResult:
        """Return the page; earlier rows get None for fields met later."""
        width = len(self._columns)
        self.rows = [row + (None,) * (width - len(row)) for row in self.rows]
        described = [ResultColumn(name, paths=tuple(sorted(paths))) for name, paths in self._columns.items()]
        if "_id" in self._columns:
            at = list(self._columns).index("_id")
            described.insert(0, described.pop(at))
            self.rows = [(row[at], *row[:at], *row[at + 1 :]) for row in self.rows]
        return super().result(described)


def _in_order(document: Mapping[str, Any]) -> list[str]:
    return sorted(document, key=lambda name: name != "_id")


def _note_paths(value: Cell, paths: set[str]) -> None:
    """Add the dotted paths below a value; the items of lists stand under their list's path."""
    stack: list[tuple[str, Cell]] = [("", value)]
    while stack and len(paths) < MAX_PATHS:
        path, item = stack.pop()
        if isinstance(item, dict):
            for name, inner in item.items():
                below = f"{path}.{name}" if path else name
                paths.add(below)
                stack.append((below, inner))
        elif isinstance(item, list):
            stack += [(path, part) for part in item]
