"""Runs SQLite's security checks: facts come from a statement or from the files around the database."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import anyio.to_thread

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sql.values import canonical
from dbmanager.adapters.sqlite.checks import CHECKS
from dbmanager.adapters.sqlite.session import Handle, Sessions
from dbmanager.model.findings import FactRows, QueryCheck
from dbmanager.model.queries import Cell

CHECK_SECONDS = 300.0
_COPY_ENDINGS = (".bak", ".old", ".orig", ".copy", ".dump", ".backup", "~", ".sql", ".save")
_WEB_FOLDERS = frozenset(("public", "public_html", "www", "htdocs", "static", "webroot", "wwwroot"))


class SqliteSecurity:
    """The `Security` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def checks(self) -> tuple[QueryCheck, ...]:
        """Return the checks in id order."""
        return CHECKS

    async def facts(self, check: QueryCheck) -> FactRows | Unsupported:
        """Run a check's statement, or look at the files when its query names a fact source (`facts:files`)."""
        if check.query == "facts:stale":
            return await self._sessions.read(_stale, timeout_seconds=CHECK_SECONDS)
        if check.query.startswith("facts:"):
            if os.name != "posix":
                return Unsupported("file modes are judged on POSIX systems only")
            source = FILE_FACTS[check.query.removeprefix("facts:")]
            return await anyio.to_thread.run_sync(source, self._sessions.path)

        def work(handle: Handle) -> FactRows:
            cursor = handle.raw.execute(check.query)
            names = [item[0] for item in cursor.description]
            return tuple(dict(zip(names, (canonical(v) for v in row), strict=True)) for row in cursor.fetchmany(1_000))

        return await self._sessions.read(work, timeout_seconds=CHECK_SECONDS)


def _stale(handle: Handle) -> FactRows:
    """Tables that have at least ten times the rows that ANALYZE counted; one look at the end of each table."""
    if handle.raw.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetchone() is None:
        return ()
    rows: list[dict[str, Cell]] = []
    known = handle.raw.execute(
        "SELECT s.tbl, max(CAST(s.stat AS INTEGER)) FROM sqlite_stat1 AS s JOIN pragma_table_list AS t ON t.name = s.tbl "
        "WHERE t.type = 'table' AND NOT t.wr AND t.schema = 'main' GROUP BY s.tbl LIMIT 1000"
    ).fetchall()
    for name, counted in known:
        (now,) = handle.raw.execute(f"SELECT max(rowid) FROM {quote(name)}").fetchone()  # noqa: S608 - quoted
        if int(now or 0) >= max(10 * int(counted), 1_000):
            rows.append({"object": str(name), "analyzed_rows": int(counted), "largest_rowid": int(now)})
    return tuple(rows)


def _files(path: Path) -> FactRows:
    """The database and the files SQLite keeps beside it, with mode and size."""
    rows: list[dict[str, Cell]] = []
    for suffix in ("", "-wal", "-shm", "-journal"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            status = file.stat()
            rows.append({"file": file.name, "role": suffix or "database", "mode": stat.S_IMODE(status.st_mode),
                         "size_bytes": status.st_size})  # fmt: skip
    return tuple(rows)


def _folder(path: Path) -> FactRows:
    """The folder of the database."""
    parents = [part.lower() for part in path.resolve().parent.parts]
    web = next((part for part in parents if part in _WEB_FOLDERS), None)
    return (
        {"folder": path.parent.name, "mode": stat.S_IMODE(path.parent.stat().st_mode),
         "sticky": bool(path.parent.stat().st_mode & stat.S_ISVTX), "web_folder": web},
    )  # fmt: skip


def _copies(path: Path) -> FactRows:
    """Files beside the database that look like copies of it."""
    found = [
        file
        for file in path.parent.iterdir()
        if file.is_file()
        and file.name != path.name
        and (file.name.startswith(path.name) or file.stem == path.stem)
        and file.name.lower().endswith(_COPY_ENDINGS)
    ]
    return tuple(
        {"file": file.name, "size_bytes": file.stat().st_size, "mode": stat.S_IMODE(file.stat().st_mode)}
        for file in sorted(found)
    )


FILE_FACTS: dict[str, Callable[[Path], FactRows]] = {"files": _files, "folder": _folder, "copies": _copies}
