"""Keeps the labels of every table that was looked at, for as long as its catalog does not change."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import anyio

from dbmanager.adapters.facets import Adapter
from dbmanager.analyzers.classification.classify import classify_table, inherited, stronger
from dbmanager.analyzers.classification.kinds import KINDS
from dbmanager.errors import PermissionDenied, StatementFailed
from dbmanager.model.classification import Label
from dbmanager.model.schema import DatabaseSchema, Table
from dbmanager.services.policy.decisions import HARMLESS, Decisions

SAMPLE_ROWS = 200
_Key = tuple[str, str, str | None, str]
_log = logging.getLogger(__name__)


class LabelBook:
    """Labels by connection and table, made on first need from a bounded sample.

    A table whose rows the role can't read is judged by its names alone, and judged again next time. What a person
    decided stands over whatever is found.
    """

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self._found: dict[_Key, tuple[Label, ...]] = {}
        self._locks: dict[str, anyio.Lock] = {}

    async def labels(
        self, connection: str, adapter: Adapter, schema: DatabaseSchema, table: Table, *, anew: bool = False
    ) -> tuple[Label, ...]:
        """Return one table's labels; samples at most 200 rows of it and of each table it refers to.

        Args:
            connection: its name.
            adapter: of that connection.
            schema: the whole catalog.
            table: the table to label.
            anew: sample again instead of using what was found before; decided labels stay.
        """
        decided = await self._decisions.labels(connection)
        async with self._locks.setdefault(connection, anyio.Lock()):
            found = {label.column: label for label in await self._judged(connection, adapter, schema, table, anew=anew)}
            for key in table.foreign_keys:
                referred = schema.find(key.referred_table, key.referred_schema)
                if referred is None or referred == table:
                    continue
                theirs = {label.column: label for label in await self._judged(connection, adapter, schema, referred)}
                for label in inherited(table, key, _with_decided(theirs, referred, decided)):
                    found[label.column] = stronger(found.get(label.column), label)
        found = _with_decided(found, table, decided)
        return tuple(found[column.name] for column in table.columns if column.name in found)

    async def of_database(
        self, connection: str, adapter: Adapter, schema: DatabaseSchema, *, anew: bool = False
    ) -> tuple[Label, ...]:
        """Return the labels of every base table, in schema order."""
        found: list[Label] = []
        for table in schema.base_tables():
            found.extend(await self.labels(connection, adapter, schema, table, anew=anew))
        return tuple(found)

    async def _judged(
        self, connection: str, adapter: Adapter, schema: DatabaseSchema, table: Table, *, anew: bool = False
    ) -> tuple[Label, ...]:
        key = (connection, schema.fingerprint, table.schema, table.name)
        if anew or key not in self._found:
            if not table.is_base:
                self._found[key] = classify_table(table, None)
            else:
                try:
                    sample = await adapter.statistics.sample(table, rows=SAMPLE_ROWS)
                except (PermissionDenied, StatementFailed):
                    _log.info("table %s could not be sampled; judged by names alone", table.name)
                    return classify_table(table, None)
                self._found[key] = classify_table(table, sample)
        return self._found[key]


def _with_decided(
    found: Mapping[str, Label], table: Table, decided: Mapping[tuple[str, str, str], str]
) -> dict[str, Label]:
    """Return the labels with what was decided in place of what was found."""
    labels = dict(found)
    for column in table.columns:
        kind = decided.get((table.schema or "", table.name, column.name))
        if kind == HARMLESS:
            labels.pop(column.name, None)
        elif kind is not None:
            labels[column.name] = _decided(table, column.name, kind)
    return labels


def _decided(table: Table, column: str, kind: str) -> Label:
    """Return a decided label; a kind that this version does not know is treated as the most harmful."""
    facts = KINDS.get(kind, KINDS["secret"])
    return Label(
        schema=table.schema, table=table.name, column=column, type=facts.type, level=facts.level, certainty="certain",
        regimes=facts.regimes, evidence={"decided": 1}, confirmed=True,
    )  # fmt: skip
