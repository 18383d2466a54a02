"""SQLite's result codes as our errors; texts are used only where they hold nothing but names."""

from __future__ import annotations

import re
import sqlite3

from dbmanager.errors import (
    ConnectionFailed,
    ConstraintViolated,
    DbManagerError,
    InvalidStatement,
    LockTimeout,
    PermissionDenied,
    QueryTimeout,
    ResourceExhausted,
    StatementFailed,
    StatementRefused,
)

_MISSING = re.compile(r"no such (table|column|function|index|module|view|savepoint|collation sequence): (.+)")
_SYNTAX = re.compile(r'near "(.{1,60}?)": syntax error')
_PRIMARY: dict[int, tuple[type[DbManagerError], str, str]] = {
    sqlite3.SQLITE_BUSY: (LockTimeout, "the database is locked by another writer", "Try again when it has finished."),
    sqlite3.SQLITE_LOCKED: (LockTimeout, "a table is locked by another statement", "Try again."),
    sqlite3.SQLITE_INTERRUPT: (
        QueryTimeout,
        "the statement was stopped at its time limit",
        "Narrow it, or explain it.",
    ),
    sqlite3.SQLITE_READONLY: (
        PermissionDenied,
        "the database is open for reading only",
        "Propose a change set instead.",
    ),
    sqlite3.SQLITE_AUTH: (
        StatementRefused,
        "the read-only session does not allow that",
        "Reads only here: propose the change as a change set.",
    ),
    sqlite3.SQLITE_FULL: (ResourceExhausted, "the disk or the database is full", "Free space first."),
    sqlite3.SQLITE_NOMEM: (ResourceExhausted, "SQLite ran out of memory", "Ask for less at a time."),
    sqlite3.SQLITE_TOOBIG: (
        ResourceExhausted,
        "a value is longer than a statement like this may handle",
        "Leave long values out first, as in WHERE length(column) < 30000; the functions trim, replace, instr, like, "
        "glob and json_patch have the lowest limits.",
    ),
    sqlite3.SQLITE_CONSTRAINT: (
        ConstraintViolated,
        "a constraint would be broken",
        "Look at the constraint and the rows.",
    ),
    sqlite3.SQLITE_CORRUPT: (StatementFailed, "the database file is damaged", "Restore a backup."),
    sqlite3.SQLITE_NOTADB: (
        ConnectionFailed,
        "the file is not an SQLite database, or it is encrypted",
        "Check the path.",
    ),
    sqlite3.SQLITE_CANTOPEN: (ConnectionFailed, "the database file cannot be opened", "Check path and permissions."),
    sqlite3.SQLITE_PERM: (
        PermissionDenied,
        "the file's permissions do not allow it",
        "Check the file's owner and mode.",
    ),
    sqlite3.SQLITE_IOERR: (StatementFailed, "reading or writing the file failed", "Check the disk."),
    sqlite3.SQLITE_MISMATCH: (StatementFailed, "a value has the wrong type for its column", "Check the values' types."),
    sqlite3.SQLITE_SCHEMA: (StatementFailed, "the schema changed meanwhile", "Try again."),
}


def mapped(problem: sqlite3.Error, *, connection: str) -> DbManagerError:
    """Return our error for SQLite's; the text never holds a row's value."""
    if isinstance(problem, sqlite3.ProgrammingError):
        return _programming(problem, connection)
    code = getattr(problem, "sqlite_errorcode", None)
    if code is None:
        return InvalidStatement("SQLite did not accept the statement or its values", object_name=connection)
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_ERROR:
        return _statement(str(problem), connection)
    if primary == sqlite3.SQLITE_AUTH and "prohibited" in str(problem):
        return StatementRefused(str(problem), object_name=connection, hint="That object is not for reading here.")
    kind, message, hint = _PRIMARY.get(
        primary,
        (StatementFailed, f"SQLite failed with {getattr(problem, 'sqlite_errorname', code)}", "See its manual."),
    )
    if kind is StatementRefused:
        return kind(message, object_name=connection, hint=hint, next_actions=("propose_change",))
    return kind(message, object_name=connection, hint=hint)


def _programming(problem: sqlite3.ProgrammingError, connection: str) -> DbManagerError:
    text = str(problem)
    if "You can only execute one statement at a time" in text:
        return StatementRefused("one statement at a time", object_name=connection, hint="Call once per statement.")
    if "binding" in text.lower():
        return InvalidStatement(
            "the number of parameters does not fit the placeholders", object_name=connection, hint="Pass one per `?`."
        )
    return InvalidStatement("SQLite did not accept the statement or its values", object_name=connection)


def _statement(text: str, connection: str) -> DbManagerError:
    missing = _MISSING.match(text)
    if missing:
        return InvalidStatement(
            f"no such {missing[1]}: {missing[2][:120]}",
            object_name=connection,
            hint="Look at the schema for its name.",
            next_actions=("describe_schema",),
        )
    syntax = _SYNTAX.match(text)
    if syntax:
        return InvalidStatement(f'syntax error near "{syntax[1]}"', object_name=connection, hint="Correct it there.")
    if text.startswith(("ambiguous column name", "wrong number of arguments", "misuse of")):
        return InvalidStatement(text[:160], object_name=connection, hint="Correct the statement.")
    if text == "LIKE or GLOB pattern too complex":
        return InvalidStatement(
            "the LIKE or GLOB pattern is too long", object_name=connection, hint="Shorten it to 250 bytes."
        )
    if text == "incomplete input":
        return InvalidStatement("the statement ends too soon", object_name=connection, hint="Complete it.")
    return InvalidStatement("SQLite could not carry out the statement", object_name=connection, hint="Check it.")
