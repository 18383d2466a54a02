"""Reads an SQLite file's catalog into the schema model with four statements."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from dbmanager.adapters.sql.blocks import blocks
from dbmanager.adapters.sql.building import without_collection
from dbmanager.adapters.sqlite import ddl
from dbmanager.adapters.sqlite.session import Handle, Sessions
from dbmanager.adapters.sqlite.types import data_type
from dbmanager.model.schema import (
    Column,
    DatabaseSchema,
    ForeignKey,
    Index,
    IndexKey,
    PrimaryKey,
    Table,
    TableKind,
    UniqueConstraint,
)
from dbmanager.model.statistics import ServerInfo

PACKAGE = "dbmanager.adapters.sqlite"
_AUTOINCREMENT = re.compile(r"\bAUTOINCREMENT\b", re.I)
Facts = Mapping[str, Any]
CATALOG_SECONDS = 60.0
_COLUMNS_OF_ONE = (
    'SELECT ? AS table_name, cid AS position, name, type, "notnull" AS not_null, dflt_value AS default_value, pk, hidden '
    "FROM pragma_table_xinfo(?, 'main') ORDER BY cid"
)


class SqliteCatalog:
    """The `Catalog` facet."""

    def __init__(self, sessions: Sessions, *, read_only: bool) -> None:
        self._sessions = sessions
        self._read_only = read_only
        self._known: DatabaseSchema | None = None

    async def server_info(self) -> ServerInfo:
        """Return the library's version, the file's size, and what weakens this connection."""

        def look(handle: Handle) -> ServerInfo:
            journal = handle.raw.execute("PRAGMA journal_mode").fetchone()[0]
            warnings = []
            if os.name == "posix" and self._sessions.path.stat().st_mode & 0o022:
                warnings.append("the database file is writable by other users of this machine")
            return ServerInfo(
                engine="sqlite",
                version=sqlite3.sqlite_version,
                version_number=_number(sqlite3.sqlite_version),
                database=self._sessions.path.name,
                role=None,
                is_superuser=False,
                read_only=self._read_only or not os.access(self._sessions.path, os.W_OK),
                size_bytes=self._sessions.path.stat().st_size,
                privileges=("read",) if self._read_only else ("read", "write"),
                warnings=tuple(warnings),
                capabilities=(f"journal_mode={journal}", *(("sqlite3",) if shutil.which("sqlite3") else ())),
            )

        return await self._sessions.read(look, timeout_seconds=CATALOG_SECONDS)

    async def fingerprint(self) -> str:
        """Return the file's identity and its schema cookie."""

        def look(handle: Handle) -> str:
            cookie = handle.raw.execute(blocks(PACKAGE)["fingerprint"].sql).fetchone()[0]
            status = self._sessions.path.stat()
            return f"sqlite:{status.st_dev:x}:{status.st_ino:x}:{cookie}"

        return await self._sessions.read(look, timeout_seconds=CATALOG_SECONDS)

    async def read_schema(self) -> DatabaseSchema:
        """Return the model; the same object while the fingerprint stands."""
        fingerprint = await self.fingerprint()
        if self._known is None or self._known.fingerprint != fingerprint:
            self._known = await self._sessions.read(
                lambda handle: _built(handle, fingerprint), timeout_seconds=CATALOG_SECONDS
            )
        return self._known


def _number(version: str) -> int:
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    return major * 1_000_000 + minor * 1_000 + patch


def _built(handle: Handle, fingerprint: str) -> DatabaseSchema:
    with without_collection():
        return _read(handle, fingerprint)


def _read(handle: Handle, fingerprint: str) -> DatabaseSchema:
    def rows(name: str) -> list[Any]:
        cursor = handle.raw.cursor()
        cursor.row_factory = sqlite3.Row
        return cursor.execute(blocks(PACKAGE)[name].sql).fetchall()

    objects = rows("objects")
    keys, indexes = (_grouped(rows(name)) for name in ("foreign_keys", "indexes"))
    try:
        columns = _grouped(rows("columns"))
    except sqlite3.OperationalError as problem:  # a view that names what is gone has none
        if problem.sqlite_errorcode != sqlite3.SQLITE_ERROR:  # its time is up, the file is locked or damaged
            raise
        columns = _grouped(
            [row for item in objects if item["type"] in ("table", "view") for row in _columns(handle, item["name"])]
        )
    triggers: dict[str, list[str]] = defaultdict(list)
    index_sql: dict[str, str] = {}
    for item in objects:
        if item["type"] == "trigger":
            triggers[item["tbl_name"]].append(item["name"])
        if item["type"] == "index" and item["sql"]:
            index_sql[item["name"]] = item["sql"]
    primary = {name: _primary(found) for name, found in columns.items()}
    tables = [
        _table(item, columns[item["name"]], keys[item["name"]], indexes[item["name"]], triggers, index_sql, primary)
        for item in objects
        if item["type"] in ("table", "view")
    ]
    return DatabaseSchema("sqlite", sqlite3.sqlite_version, tuple(tables), fingerprint)


def _columns(handle: Handle, name: str) -> list[Any]:
    """Return the columns of one table or view; empty for a view that can't be read."""
    cursor = handle.raw.cursor()
    cursor.row_factory = sqlite3.Row
    try:
        return cursor.execute(_COLUMNS_OF_ONE, (name, name)).fetchall()
    except sqlite3.OperationalError as problem:
        if problem.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        return []


def _grouped(rows: list[Facts]) -> dict[str, list[Facts]]:
    groups: dict[str, list[Facts]] = defaultdict(list)
    for row in rows:
        groups[row["table_name"]].append(row)
    return groups


def _primary(columns: list[Facts]) -> tuple[str, ...]:
    return tuple(c["name"] for c in sorted(columns, key=lambda c: c["pk"]) if c["pk"])


def _table(
    item: Facts,
    columns: list[Facts],
    keys: list[Facts],
    indexes: list[Facts],
    triggers: Mapping[str, list[str]],
    index_sql: Mapping[str, str],
    primary: Mapping[str, tuple[str, ...]],
) -> Table:
    name, sql = item["name"], item["sql"] or ""
    key = primary.get(name, ())
    is_rowid = len(key) == 1 and not item["without_rowid"]
    kind = {"view": TableKind.VIEW, "virtual": TableKind.VIRTUAL}.get(item["kind"], TableKind.TABLE)
    shadow = item["kind"] == "shadow"
    options = [word for word in ("without_rowid", "strict") if item[word]] + (["shadow"] if shadow else [])
    if "AUTOINCREMENT" in sql.upper() and _AUTOINCREMENT.search(sql):
        options.append("autoincrement")
    grouped: dict[str, list[Facts]] = defaultdict(list)
    for row in indexes:
        grouped[row["index_name"]].append(row)
    written = ddl.constraints(sql) if kind is TableKind.TABLE and ddl.names_or_defers(sql) else ()
    names = {d.columns: d.name for d in written if d.kind == "unique"}
    return Table(
        name=name,
        schema=None,
        kind=kind,
        columns=tuple(_column(c, sql, is_rowid) for c in columns if c["hidden"] != 1),
        primary_key=PrimaryKey(key, next((d.name for d in written if d.kind == "primary"), None)) if key else None,
        uniques=tuple(
            UniqueConstraint(columns, names.get(columns))
            for columns in (
                tuple(r["column_name"] for r in rows) for rows in grouped.values() if rows[0]["origin"] == "u"
            )
        ),
        foreign_keys=_foreign_keys(keys, primary, [d for d in written if d.kind == "references"]),
        checks=ddl.checks(sql) if kind is TableKind.TABLE else (),
        indexes=tuple(_index(name, rows, index_sql.get(name)) for name, rows in grouped.items()),
        triggers=tuple(triggers.get(name, ())),
        extension="fts" if shadow else None,
        definition=sql if kind is not TableKind.TABLE else None,
        options=tuple(options),
        unmodelled=ddl.unmodelled(sql) if kind is TableKind.TABLE else (),
    )


def _column(facts: Facts, sql: str, is_rowid: bool) -> Column:
    is_identity = bool(facts["pk"]) and is_rowid and facts["type"].upper() == "INTEGER"
    return Column(
        name=facts["name"],
        type=data_type(facts["type"]),
        nullable=not facts["not_null"] and not is_identity,
        default=facts["default_value"],
        generated=ddl.generated(sql, facts["name"]) if facts["hidden"] in (2, 3) else None,
        identity="by default" if is_identity else None,
    )


def _foreign_keys(
    rows: list[Facts], primary: Mapping[str, tuple[str, ...]], written: list[ddl.Declared]
) -> tuple[ForeignKey, ...]:
    """Return the references in the order they are written; SQLite numbers them backwards."""
    grouped: dict[int, list[Facts]] = defaultdict(list)
    for row in rows:
        grouped[row["id"]].append(row)
    if len(written) != len(grouped):
        written = [ddl.Declared("references", None, ())] * len(grouped)
    return tuple(
        ForeignKey(
            columns=tuple(r["child_column"] for r in group),
            referred_table=group[0]["parent"],
            referred_columns=tuple(r["parent_column"] for r in group)
            if group[0]["parent_column"] is not None
            else primary.get(group[0]["parent"], ()),
            on_delete=group[0]["on_delete"],
            on_update=group[0]["on_update"],
            name=declared.name,
            deferrable=declared.deferrable,
        )
        for (_, group), declared in zip(sorted(grouped.items(), reverse=True), written, strict=True)
    )


def _index(name: str, rows: list[Facts], sql: str | None) -> Index:
    written = ddl.key_expressions(sql) if sql and any(row["cid"] == -2 for row in rows) else []
    keys = []
    collated = ddl.collated_keys(sql) if sql else {}
    for position, row in enumerate(rows):
        is_expression = row["cid"] == -2
        if position in collated:
            keys.append(IndexKey(collated[position], True, bool(row["descending"])))
            continue
        text = written[position] if is_expression and position < len(written) else row["column_name"] or "rowid"
        keys.append(IndexKey(text, is_expression, bool(row["descending"])))
    return Index(
        name=name,
        keys=tuple(keys),
        unique=bool(rows[0]["is_unique"]),
        where=ddl.where_clause(sql) if sql and rows[0]["partial"] else None,
        backs_constraint=rows[0]["origin"] != "c",
        definition=sql,
    )
