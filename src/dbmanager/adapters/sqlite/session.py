"""SQLite sessions: worker threads with a handle each; reads can't write, and everything can be stopped.

The standard library's module is used in worker threads of our own rather than through a queueing driver: one thread
hop serves a whole page of rows, and a stopped call leaves its thread idle before the caller goes on.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote as url_quote

import anyio
import anyio.to_thread

from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sqlite.errors import mapped
from dbmanager.errors import AccessDenied, ConnectionFailed

MAX_READERS = 3
PROGRESS_STEPS = 1_000
"""Virtual machine steps between looks at the clock; about a tenth of a millisecond of work."""
MAX_VALUE_BYTES = 64_000_000
ResultT = TypeVar("ResultT")

READING = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE))
SAFE_PRAGMAS = frozenset(
    "table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list database_list "
    "collation_list compile_options function_list module_list pragma_list schema_version user_version application_id "
    "page_count page_size freelist_count encoding journal_mode foreign_keys auto_vacuum data_version cache_size "
    "secure_delete synchronous trusted_schema integrity_check quick_check foreign_key_check".split()
)
"""PRAGMAs that may be read. With an argument only those of `ARGUMENT_PRAGMAS` may be called."""
ARGUMENT_PRAGMAS = frozenset(
    "table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list integrity_check "
    "quick_check foreign_key_check".split()
)
MAX_PATTERN_BYTES = 250
SUPERLINEAR = {
    "trim": 32_000, "ltrim": 32_000, "rtrim": 32_000, "json_patch": 200_000, "instr": 256_000, "replace": 256_000,
    "like": 4_000_000, "glob": 4_000_000,
}  # fmt: skip
"""Functions whose time grows with the product of their arguments, and the longest value, in bytes, that a statement
calling them may handle: one call can't be interrupted, so this bounds it to a second or two (SQLite 3.40, measured)."""
_WRITING = frozenset((sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE))
_RTREE_TABLES = ("_node", "_rowid", "_parent")
_RTREES = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%' "
    "AND (sql LIKE '%USING%rtree%' OR sql LIKE '%USING%geopoly%')"
)
UNSAFE_FUNCTIONS = frozenset("load_extension readfile writefile edit fts3_tokenizer lsmode".split())


@dataclass(slots=True)
class Handle:
    """One open connection, with what its progress handler watches."""

    raw: sqlite3.Connection
    deadline: float = 0.0
    cancelled: threading.Event = field(default_factory=threading.Event)
    ticks: int = 0
    preparing: bool = False
    writes: bool = False
    schema_version: int | None = None

    def watch(self) -> int:
        """Stop the statement at its deadline or when its caller has gone."""
        self.ticks += 1
        return int(self.cancelled.is_set() or time.monotonic() > self.deadline)


def authorize(action: int, first: str | None, second: str | None, database: str | None, trigger: str | None) -> int:
    """Allow what reads; everything else is denied, whatever spelling it came in."""
    if action in READING:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if (second or "").lower() in UNSAFE_FUNCTIONS else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_UPDATE and first == "sqlite_master":
        return sqlite3.SQLITE_OK  # asked while a virtual table is declared; writing it by hand needs writable_schema
    if action == sqlite3.SQLITE_PRAGMA:
        name = (first or "").lower()
        allowed = name in SAFE_PRAGMAS and (second is None or name in ARGUMENT_PRAGMAS)
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_DENY


def connects_rtree(action: int, first: str | None) -> bool:
    """Whether an R-tree asks that of its own tables: it prepares its writes when a session first meets it."""
    return action in _WRITING and (first or "").endswith(_RTREE_TABLES)


class Sessions:
    """Hands out handles to one file: up to three readers and one writer, opened when first needed."""

    def __init__(self, name: str, path: Path, *, writable: bool) -> None:
        self.name = name
        self.path = path
        self._writable = writable
        self._idle: list[Handle] = []
        self._writer: Handle | None = None
        self._readers = anyio.CapacityLimiter(MAX_READERS)
        self._writing = anyio.Lock()

    async def read(
        self, work: Callable[[Handle], ResultT], *, timeout_seconds: float, lock_seconds: float = 5.0
    ) -> ResultT:
        """Run `work` with a read-only handle in a worker thread.

        Cancelling the caller stops the statement; the thread is idle again before the cancellation goes on.
        """
        async with self._readers:
            handle = self._idle.pop() if self._idle else await self._thread(lambda: self._open_reader())
            try:
                return await self._run(handle, work, timeout_seconds, lock_seconds)
            finally:
                self._idle.append(handle)

    async def write(self, work: Callable[[Handle], ResultT], *, timeout_seconds: float, lock_seconds: float) -> ResultT:
        """Run `work` with the writing handle in a worker thread; one at a time.

        After a failure the next write has a new handle: work that switched something off (references, for a bulk load)
        may not have come to switching it on again.

        Raises: AccessDenied when the connection is configured read-only.
        """
        self._require_writable()
        async with self._writing:
            if self._writer is None:
                self._writer = await self._thread(lambda: self._open_writer())
            try:
                return await self._run(self._writer, work, timeout_seconds, lock_seconds)
            except BaseException:
                self._writer.raw.close()
                self._writer = None
                raise

    def close_readers(self) -> None:
        """Close the readers that are idle: SQLite leaves write-ahead logging only while nobody else has the file open."""
        handles, self._idle = self._idle, []
        for handle in handles:
            handle.raw.close()

    def separate_writer(self) -> sqlite3.Connection:
        """Open a handle that may write, which the caller closes. Raises AccessDenied like `write`."""
        self._require_writable()
        return self._open_writer().raw

    def _require_writable(self) -> None:
        if not self._writable:
            raise AccessDenied(
                f"connection {self.name!r} is configured read_only",
                object_name=self.name,
                hint='A person may set access = "read_write" for it.',
            )

    async def close(self) -> None:
        """Close every handle."""
        handles, self._idle = [*self._idle, *([self._writer] if self._writer else [])], []
        self._writer = None
        for handle in handles:
            handle.cancelled.set()
            handle.raw.close()

    async def _run(
        self, handle: Handle, work: Callable[[Handle], ResultT], timeout_seconds: float, lock_seconds: float
    ) -> ResultT:
        handle.cancelled.clear()
        handle.ticks = 0
        handle.deadline = time.monotonic() + timeout_seconds
        begun, done = threading.Lock(), threading.Event()

        def run() -> ResultT:
            if not begun.acquire(blocking=False):
                raise RuntimeError("its caller has gone")
            try:
                if not handle.writes:
                    handle.raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
                handle.preparing = True
                handle.raw.execute(f"PRAGMA busy_timeout = {int(lock_seconds * 1000)}")
                if not handle.writes:
                    _meet_rtrees(handle)
                handle.preparing = False
                return work(handle)
            except sqlite3.Error as problem:
                raise mapped(problem, connection=self.name) from None
            finally:
                handle.preparing = False
                if handle.raw.in_transaction:
                    handle.raw.rollback()
                done.set()

        try:
            return await anyio.to_thread.run_sync(run, abandon_on_cancel=True)
        except BaseException:
            if not begun.acquire(blocking=False) and not done.is_set():  # a call cancelled in the queue never begins
                handle.cancelled.set()
                handle.raw.interrupt()
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(done.wait)
            raise

    async def _thread(self, work: Callable[[], ResultT]) -> ResultT:
        return await anyio.to_thread.run_sync(work)

    def _open_reader(self) -> Handle:
        handle = self._open("ro")
        raw = handle.raw
        raw.execute("PRAGMA query_only = ON")
        raw.execute("PRAGMA trusted_schema = OFF")
        raw.execute("PRAGMA cell_size_check = ON")
        raw.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, MAX_PATTERN_BYTES)
        raw.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        self.guard(handle)
        return handle

    def guard(self, handle: Handle) -> None:
        """Put the authorizer on a reading handle."""

        def decide(
            action: int, first: str | None, second: str | None, database: str | None, trigger: str | None
        ) -> int:
            if handle.preparing and action == sqlite3.SQLITE_PRAGMA and (first or "").lower() == "busy_timeout":
                return sqlite3.SQLITE_OK
            if handle.preparing and connects_rtree(action, first):
                return sqlite3.SQLITE_OK
            if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in SUPERLINEAR:
                longest = handle.raw.getlimit(sqlite3.SQLITE_LIMIT_LENGTH)
                handle.raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(longest, SUPERLINEAR[(second or "").lower()]))
            return authorize(action, first, second, database, trigger)

        handle.raw.set_authorizer(decide)

    def _open_writer(self) -> Handle:
        handle = self._open("rw")
        handle.writes = True
        handle.raw.execute("PRAGMA foreign_keys = ON")
        return handle

    def _open(self, mode: str) -> Handle:
        if not self.path.is_file():
            raise ConnectionFailed(
                f"connection {self.name!r}: there is no database file {self.path}",
                object_name=self.name,
                hint="Correct connections."
                + self.name
                + ".url; this server does not create databases by opening them.",
            )
        try:
            raw = sqlite3.connect(
                f"file:{url_quote(str(self.path))}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=32 if mode == "rw" else 0,
            )
            handle = Handle(raw)
            handle.deadline = time.monotonic() + 30
            raw.set_progress_handler(handle.watch, PROGRESS_STEPS)
            raw.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
        except sqlite3.Error as problem:
            error = mapped(problem, connection=self.name)
            error.hint = f"{error.hint or ''} File: {self.path}.".strip()
            raise error from None
        return handle


def _meet_rtrees(handle: Handle) -> None:
    """Let a session meet the file's R-trees by statements of ours alone, again when the file's schema has changed.

    An R-tree prepares inserts, updates and deletes of its own tables then, which no statement of a model's may do.
    """
    version = int(handle.raw.execute("PRAGMA schema_version").fetchone()[0])
    if version == handle.schema_version:
        return
    for (name,) in handle.raw.execute(_RTREES).fetchall():
        with suppress(sqlite3.Error):  # of a module that is not here, or damaged: its readers are told so
            handle.raw.execute(f"SELECT 1 FROM {quote(name)} LIMIT 0").fetchall()  # noqa: S608 - a quoted name
    handle.schema_version = version
