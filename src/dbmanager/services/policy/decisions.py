"""What people decided about classified data: labels that stand, and disclosures for a while."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from dbmanager.services import principal
from dbmanager.services.store import Store, now
from dbmanager.services.tables import DECIDED_LABELS, DISCLOSURES

HARMLESS = "harmless"
"""Decided in place of a kind: the column holds nothing classified."""
FRESH_SECONDS = 1.0
_Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Columns of a connection that may leave in clear, for so many more rows and until then.

    Attributes:
        columns: (schema, table, column); the schema is empty where the engine has none.
        expires_at: seconds since the epoch.
    """

    id: str
    columns: frozenset[_Place]
    reason: str
    rows_left: int
    expires_at: float


class Decisions:
    """Keeps decided labels and disclosures in the store; what is in force is looked up at most once a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._labels: dict[str, tuple[float, dict[_Place, str]]] = {}
        self._open: dict[tuple[str, str], tuple[float, tuple[Disclosure, ...]]] = {}

    async def labels(self, connection: str) -> dict[_Place, str]:
        """Return what was decided for a connection's columns: (schema, table, column) → kind, or `harmless`."""
        kept = self._labels.get(connection)
        if kept is None or time.monotonic() - kept[0] > FRESH_SECONDS:
            async with self._store.read() as reading:
                found = await reading.execute(select(DECIDED_LABELS).where(DECIDED_LABELS.c.connection == connection))
                labels = {(row.table_schema, row.table_name, row.column_name): str(row.kind) for row in found}
            kept = self._labels[connection] = (time.monotonic(), labels)
        return kept[1]

    async def decide(self, connection: str, place: _Place, kind: str, change: str) -> None:
        """Keep that a column is of a kind, or harmless."""
        await self.forget(connection, place)
        schema, table, column = place
        async with self._store.write() as writing:
            await writing.execute(
                insert(DECIDED_LABELS).values(
                    connection=connection, table_schema=schema, table_name=table, column_name=column, kind=kind,
                    change_id=change, decided_at=now(),
                )
            )  # fmt: skip
        self._labels.pop(connection, None)

    async def decided_by(self, connection: str, place: _Place) -> str | None:
        """Return the change and step that decided a column's label last."""
        schema, table, column = place
        label = DECIDED_LABELS.c
        query = select(label.change_id).where(
            label.connection == connection, label.table_schema == schema, label.table_name == table,
            label.column_name == column,
        )  # fmt: skip
        async with self._store.read() as reading:
            return (await reading.execute(query)).scalar()

    async def forget(self, connection: str, place: _Place) -> None:
        """Leave a column to automatic classification again."""
        schema, table, column = place
        label = DECIDED_LABELS.c
        async with self._store.write() as writing:
            await writing.execute(
                delete(DECIDED_LABELS).where(
                    label.connection == connection, label.table_schema == schema, label.table_name == table,
                    label.column_name == column,
                )
            )  # fmt: skip
        self._labels.pop(connection, None)

    async def disclosures(self, connection: str) -> tuple[Disclosure, ...]:
        """Return the disclosures in force for whoever acts, those that end first before the others."""
        key = (connection, principal.current().name)
        kept = self._open.get(key)
        if kept is None or time.monotonic() - kept[0] > FRESH_SECONDS:
            async with self._store.read() as reading:
                query = select(DISCLOSURES).where(
                    DISCLOSURES.c.connection == connection, DISCLOSURES.c.rows_left > 0,
                    DISCLOSURES.c.expires_at > time.time(), DISCLOSURES.c.principal == key[1],
                ).order_by(DISCLOSURES.c.expires_at)  # fmt: skip
                found = tuple(_disclosure(row) for row in await reading.execute(query))
            kept = self._open[key] = (time.monotonic(), found)
        return tuple(one for one in kept[1] if one.expires_at > time.time())

    async def disclose(
        self, id_: str, connection: str, columns: Sequence[_Place], reason: str, *, rows: int, seconds: float
    ) -> None:
        """Let columns leave in clear to whoever acts; the same id replaces what it gave before."""
        await self.revoke(id_, connection)
        async with self._store.write() as writing:
            await writing.execute(
                insert(DISCLOSURES).values(
                    id=id_, connection=connection, columns=json.dumps([list(place) for place in columns]),
                    reason=reason, rows_left=rows, expires_at=time.time() + seconds,
                    principal=principal.current().name,
                )
            )  # fmt: skip
        self._open.clear()

    async def revoke(self, id_: str, connection: str) -> None:
        """End a disclosure at once in this process, within a second in others."""
        async with self._store.write() as writing:
            await writing.execute(delete(DISCLOSURES).where(DISCLOSURES.c.id == id_))
        self._open.clear()

    async def is_open(self, id_: str) -> bool:
        """Whether a disclosure was given and not revoked."""
        async with self._store.read() as reading:
            return (await reading.execute(select(DISCLOSURES.c.id).where(DISCLOSURES.c.id == id_))).first() is not None

    async def take(self, id_: str, connection: str, rows: int) -> int:
        """Count rows against a disclosure and return how many of them it still covers."""
        async with self._store.write() as writing:
            own = DISCLOSURES.c.id == id_
            query = select(DISCLOSURES.c.rows_left, DISCLOSURES.c.expires_at).where(own)
            row = (await writing.execute(query.with_for_update())).first()
            if row is None or row.expires_at <= time.time():
                return 0
            covered = min(rows, int(row.rows_left))
            await writing.execute(update(DISCLOSURES).where(own).values(rows_left=row.rows_left - covered))
        self._open.clear()
        return covered


def _disclosure(row: Any) -> Disclosure:
    columns = frozenset((str(s), str(t), str(c)) for s, t, c in json.loads(row.columns))
    return Disclosure(row.id, columns, row.reason, int(row.rows_left), float(row.expires_at))
