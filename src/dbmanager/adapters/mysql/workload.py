"""What a MySQL or MariaDB database was asked, as performance_schema counted it by digest."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mysql.query import MysqlQuery
from dbmanager.adapters.mysql.reading import chosen
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.mysql.wire import Wire
from dbmanager.errors import InvalidStatement, PermissionDenied
from dbmanager.model.queries import QueryPlan, QueryRequest
from dbmanager.model.workload import Routine, Workload, WorkloadStatement

NumberT = TypeVar("NumberT", int, float)
SOURCE = "performance_schema"
OFF = (
    "performance_schema is off: the administrator sets performance_schema = ON and restarts the server; "
    "or give its slow log, a file or the statements themselves"
)
NO_DIGESTS = (
    "digests are not counted: UPDATE performance_schema.setup_consumers SET ENABLED = 'YES' WHERE NAME = 'statements_digest'; "
    "or give its slow log, a file or the statements themselves"
)
_OWN = re.compile(
    r"\b(?:performance_schema|information_schema)\b|`(?:mysql|sys)` *\.|@@|USE INDEX \( ?\)"
    r"|^\s*(?:SET|SHOW|START TRANSACTION|BEGIN|COMMIT|ROLLBACK|USE|EXPLAIN|KILL|HELP|SELECT (?:\?|\$\$|SCHEMA|DATABASE|VERSION|CONNECTION_ID)"
    r" *(?:\( *\) *)?$)",
    re.I,
)
"""What asks the catalog or steers a session: this server's own statements, and those of other tools and drivers."""


class MysqlWorkload:
    """The `WorkloadSource` facet."""

    sources = (SOURCE,)

    def __init__(self, sessions: Sessions, query: MysqlQuery) -> None:
        self._sessions = sessions
        self._query = query

    async def collect(self, source: str | None = None, *, most: int = 2_000) -> Workload | Unsupported:
        """Return this database's digests, with the newest samples where the server keeps any."""
        if source not in (None, *self.sources):
            raise InvalidStatement(
                f"there is no source {source!r} here", hint=f"There is {SOURCE}, and the slow log as a file."
            )
        facts = await self._sessions.facts()
        if "performance_schema" not in facts.has:
            return Unsupported(OFF)
        try:
            async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
                return await self._collected(raw, most)
        except PermissionDenied:
            raise PermissionDenied(
                f"connection {self._sessions.name!r}: the account may not read performance_schema",
                object_name=self._sessions.name, hint="Grant it SELECT ON performance_schema.*.",
            ) from None  # fmt: skip

    async def plan(self, statement: str) -> QueryPlan | Unsupported:
        """Say that a digest can't be planned; a statement without placeholders is explained as any other."""
        if re.search(r"\?|\.\.\.", statement):
            return Unsupported("MySQL and MariaDB plan with values only: take one of the samples")
        return await self._query.explain(QueryRequest(statement))

    async def _collected(self, raw: Wire, most: int) -> Workload | Unsupported:
        digests, histories, lost, longest = (int(v) for v in (await self._rows(raw, "workload_counted"))[0])
        if not digests:
            return Unsupported(NO_DIGESTS)
        rows = [row for row in await self._rows(raw, "workload_digests") if not _OWN.search(str(row[1]))]
        statements = [_statement(row, longest) for row in rows[:most]]
        for history in ("workload_history", "workload_long_history"):
            statements += _samples(await self._rows(raw, history))
        opened = (await raw.fetch("SHOW GLOBAL STATUS LIKE 'Connections'"))[0][1]
        return Workload(
            SOURCE, dt.datetime.now(dt.UTC), tuple(statements), _since(rows),
            {str(name): int(count) for name, count in await self._rows(raw, "workload_writes")},
            routines=tuple(map(_routine, await self._rows(raw, "workload_routines"))), connections_opened=int(opened),
            notes=tuple(_notes(histories, lost)),
        )  # fmt: skip

    async def _rows(self, raw: Wire, name: str) -> Sequence[tuple[Any, ...]]:
        sql = chosen(name, await self._sessions.facts())
        return await raw.fetch(sql) if sql else []


def _statement(row: tuple[Any, ...], longest: int) -> WorkloadStatement:
    """Return a digest with its sample; one that was cut is no sample."""
    id_, text, calls, total, given, examined, on_disk, _, sample = row
    whole = sample is not None and not str(sample).endswith("...")
    return WorkloadStatement(
        str(id_), str(text).strip(), int(calls), float(total), int(given), int(examined), temporary_tables=int(on_disk),
        samples=(str(sample),) if whole else (),
    )  # fmt: skip


def _samples(rows: Sequence[tuple[Any, ...]]) -> Iterator[WorkloadStatement]:
    for (text,) in rows:
        if not _OWN.search(str(text)):
            yield WorkloadStatement("", str(text).strip().rstrip(";"), 0)


def _since(rows: Sequence[tuple[Any, ...]]) -> dt.datetime | None:
    """Return when the oldest digest was first seen: the counters began then or a little earlier."""
    return dt.datetime.fromtimestamp(min(float(row[7]) for row in rows), dt.UTC) if rows else None


def _routine(row: tuple[Any, ...]) -> Routine:
    name, body, calls, total, own, arguments = row
    names = tuple(part for part in str(arguments or "").split(",") if part)
    return Routine(
        str(name), "sql", str(body), names, _or_none(calls, int), _or_none(total, float), _or_none(own, float)
    )


def _or_none(value: Any, convert: Callable[[Any], NumberT]) -> NumberT | None:
    return None if value is None else convert(value)


def _notes(histories: int, lost: int) -> Iterable[str]:
    if lost:
        yield "some statements found no room: raise performance_schema_digests_size"
    if not histories:
        yield "no samples are kept: switch on the consumers events_statements_current and events_statements_history_long"
