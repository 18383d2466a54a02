"""Keeps the labels of every table that was looked at, for as long as its catalog does not change."""

from __future__ import annotations

import logging

import anyio

from dbmanager.adapters.facets import Adapter
from dbmanager.analyzers.classification.classify import classify_table
from dbmanager.errors import PermissionDenied, StatementFailed
from dbmanager.model.classification import Label
from dbmanager.model.schema import DatabaseSchema, Table

SAMPLE_ROWS = 200
_log = logging.getLogger(__name__)


class LabelBook:
    """Labels by connection and table, made on first need from a bounded sample.

    A table whose rows the role can't read is judged by its names alone, and judged again next time.
    """

    def __init__(self) -> None:
        self._labels: dict[tuple[str, str, str | None, str], tuple[Label, ...]] = {}
        self._locks: dict[str, anyio.Lock] = {}

    async def labels(
        self, connection: str, adapter: Adapter, schema: DatabaseSchema, table: Table, *, anew: bool = False
    ) -> tuple[Label, ...]:
        """Return one table's labels; samples at most 200 rows of it the first time, or `anew`."""
        key = (connection, schema.fingerprint, table.schema, table.name)
        async with self._locks.setdefault(connection, anyio.Lock()):
            if anew or key not in self._labels:
                if not table.is_base:
                    self._labels[key] = classify_table(table, None)
                else:
                    try:
                        sample = await adapter.statistics.sample(table, rows=SAMPLE_ROWS)
                    except (PermissionDenied, StatementFailed):
                        _log.info("table %s could not be sampled; judged by names alone", table.name)
                        return classify_table(table, None)
                    self._labels[key] = classify_table(table, sample)
            return self._labels[key]

    async def of_database(
        self, connection: str, adapter: Adapter, schema: DatabaseSchema, *, anew: bool = False
    ) -> tuple[Label, ...]:
        """Return the labels of every base table, in schema order."""
        found: list[Label] = []
        for table in schema.base_tables():
            found.extend(await self.labels(connection, adapter, schema, table, anew=anew))
        return tuple(found)
