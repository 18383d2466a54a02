"""What a PostgreSQL database was asked, as pg_stat_statements counted it, with samples of statements that run now."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import asyncpg

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.postgresql.catalog import PACKAGE
from dbmanager.adapters.postgresql.generic import explained_facts
from dbmanager.adapters.postgresql.query import PostgresQuery, plan_node
from dbmanager.adapters.postgresql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.errors import InvalidStatement, PermissionDenied, StatementFailed
from dbmanager.model.queries import QueryLimits, QueryPlan
from dbmanager.model.workload import Routine, Workload, WorkloadStatement

SOURCE = "pg_stat_statements"
NOT_LOADED = (
    "pg_stat_statements is not loaded: the administrator sets shared_preload_libraries = 'pg_stat_statements', restarts the "
    "server and runs CREATE EXTENSION pg_stat_statements; or give a file or the statements themselves"
)
NOT_CREATED = (
    "the extension pg_stat_statements is not created in this database: CREATE EXTENSION pg_stat_statements; or give a file or "
    "the statements themselves"
)
HIDDEN = "<insufficient privilege>"
_OWN = re.compile(
    r"\bpg_(?:catalog|class|namespace|attribute|proc|depend|constraint|index|roles|settings|extension|stat\w*|size_\w+|backend_pid"
    r"|snapshot\w*|current_\w+|advisory\w*|hba\w*)\b|\bhypopg\w*|\bcurrent_setting\b"
    r"|^\s*(?:BEGIN|START TRANSACTION|COMMIT|ROLLBACK|SET|RESET|SHOW|DISCARD|DEALLOCATE|CLOSE|UNLISTEN|SAVEPOINT|RELEASE|END)\b|^\s*SELECT \$1\s*$",
    re.I,
)
"""What asks the catalog or steers a session: this server's own statements, and those of other tools and drivers."""
_LIMITS = QueryLimits()


class PostgresWorkload:
    """The `WorkloadSource` facet."""

    sources = (SOURCE,)

    def __init__(self, sessions: Sessions, query: PostgresQuery) -> None:
        self._sessions = sessions
        self._query = query

    async def collect(self, source: str | None = None, *, most: int = 2_000) -> Workload | Unsupported:
        """Return this database's statements; a superuser's reads of ours are not counted, others' are told by their text."""
        if source not in (None, *self.sources):
            raise InvalidStatement(f"PostgreSQL has no source {source!r}", hint=f"There is {SOURCE}.")
        version = (await self._sessions.role()).version
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5, confined=False) as raw:
            place = await raw.fetchrow(_sql("workload_place"))
            if not place["is_preloaded"]:
                return Unsupported(NOT_LOADED)
            if place["schema"] is None:
                return Unsupported(NOT_CREATED)
            await raw.execute(f"SET LOCAL search_path = pg_catalog, {place['schema']}")
            suffix = "" if version >= 140000 else "_13"
            rows = await self._counted(raw, suffix)
            since = await raw.fetchrow(_sql("workload_since")) if version >= 140000 else None
            await raw.execute("SET LOCAL search_path = DEFAULT")
            running = await raw.fetch(_sql("workload_running"))
            writes = await raw.fetch(_sql("workload_writes"))
            sessions = await raw.fetchval(_sql("workload_sessions")) if version >= 140000 else None
            routines = await raw.fetch(_sql("workload_routines")) if version >= 140000 else []
        hidden = sum(row["text"] == HIDDEN.encode() for row in rows)
        skipped: list[tuple[str, str]] = []
        statements = (*islice(_statements(rows, skipped), most), *_samples(running))
        if hidden and not any(statement.calls for statement in statements):
            raise PermissionDenied(
                f"connection {self._sessions.name!r}: the role may not see what other roles run",
                object_name=self._sessions.name, hint="Grant it pg_read_all_stats.",
            )  # fmt: skip
        return Workload(
            SOURCE, dt.datetime.now(dt.UTC), statements, _moment(since["since"]) if since else None,
            {_display(row): row["writes"] for row in writes}, tuple(skipped), tuple(map(_routine, routines)), sessions,
            notes=tuple(_notes(place, since["thrown_out"] if since else 0, hidden)),
        )  # fmt: skip

    async def _counted(self, raw: asyncpg.Connection[Any], suffix: str) -> list[asyncpg.Record]:
        """Return the counted statements. The view converts every database's, so one of another can end it for all."""
        try:
            return [*await raw.fetch(_sql(f"workload_statements{suffix}"))]
        except asyncpg.CharacterNotInRepertoireError:
            raise StatementFailed(
                "pg_stat_statements can't be read here: it holds a statement of another database, in SQL_ASCII, with bytes that "
                "are no character of this database's encoding",
                object_name=self._sessions.name,
                hint="Forget that database's statements: SELECT pg_stat_statements_reset(0, its oid, 0); "
                "or give a log, a file or the statements themselves.",
            ) from None

    async def plan(self, statement: str) -> QueryPlan | Unsupported:
        """Return the generic plan of a statement with `$n`, of a prepared one: GENERIC_PLAN is of 16 and gives the same."""
        await self._query.check(statement)
        async with self._sessions.reading(
            timeout_seconds=_LIMITS.timeout_seconds, lock_seconds=_LIMITS.lock_timeout_seconds, confined=True
        ) as raw:
            root = plan_node((await explained_facts(raw, statement))["Plan"])
        return QueryPlan((root,), root.cost, False)


def _sql(name: str) -> str:
    return blocks(PACKAGE)[name].sql


def _statements(rows: Sequence[Mapping[str, Any]], skipped: list[tuple[str, str]]) -> Iterable[WorkloadStatement]:
    for row in rows:
        try:
            text = bytes(row["text"]).decode()
        except UnicodeDecodeError:
            skipped.append((f"statement {row['id']}", f"bytes that are no UTF-8; {row['calls']} calls"))
            continue
        if text == HIDDEN or _OWN.search(text):
            continue
        yield WorkloadStatement(
            str(row["id"]), text, row["calls"], row["total_ms"], row["rows"], None, row["blocks_hit"], row["blocks_read"],
            row["temporary_blocks"],
            is_nested=not row["toplevel"],
        )  # fmt: skip


def _samples(rows: Sequence[Mapping[str, Any]]) -> Iterable[WorkloadStatement]:
    """Yield what runs now or ran last in its session, where it was sent with its values."""
    for row in rows:
        text = bytes(row["text"]).decode("utf-8", "replace")
        if not re.search(r"\$\d", text) and not _OWN.search(text) and "�" not in text:
            yield WorkloadStatement("", text.strip().rstrip(";"), 0)


def _routine(row: Mapping[str, Any]) -> Routine:
    names = tuple(name for name in row["arguments"] or () if name)
    return Routine(
        _display(row), row["language"], row["body"] or "", names, row["calls"], row["total_ms"], row["own_ms"]
    )


def _display(row: Mapping[str, Any]) -> str:
    return str(row["name"]) if row["is_default"] else f"{row['schema']}.{row['name']}"


def _moment(value: object) -> dt.datetime | None:
    return None if value is None else dt.datetime.fromisoformat(str(value)).astimezone(dt.UTC)


def _notes(place: Mapping[str, Any], thrown_out: int, hidden: int) -> Iterable[str]:
    if hidden:
        yield f"{hidden} statements of other roles are hidden from this one: grant it pg_read_all_stats"
    if thrown_out:
        yield f"pg_stat_statements threw out statements {thrown_out} times for want of room: raise pg_stat_statements.max"
    if place["track"] == "top":
        yield "statements inside of functions are not counted apart: pg_stat_statements.track = all does"
    if place["track_functions"] == "none":
        yield "calls of functions are not counted: track_functions = all does"
