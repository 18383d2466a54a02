"""PostgreSQL's errors as ours, by SQLSTATE; messages of data classes are never passed on."""

from __future__ import annotations

import ssl

import asyncpg

from dbmanager.errors import (
    AuthenticationFailed,
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

_BY_STATE: dict[str, tuple[type[DbManagerError], str, str]] = {
    "57014": (QueryTimeout, "the statement was stopped at its time limit", "Narrow it, or explain it."),
    "55P03": (LockTimeout, "a lock was not granted in time", "Try again, or look at who holds it."),
    "40P01": (LockTimeout, "the statement was part of a deadlock", "Try again."),
    "40001": (LockTimeout, "another transaction changed the same rows", "Try again."),
    "25006": (StatementRefused, "the read-only session does not allow that", "Propose the change as a change set."),
    "42501": (PermissionDenied, "the role lacks a privilege", "Grant it, or ask for less."),
    "23505": (ConstraintViolated, "a unique constraint would be broken", "Look at the constraint and the rows."),
    "23503": (ConstraintViolated, "a foreign key would be broken", "Look at the constraint and the rows."),
    "23502": (ConstraintViolated, "a NOT NULL column would get NULL", "Give it a value."),
    "23514": (ConstraintViolated, "a check constraint would be broken", "Look at the constraint and the rows."),
    "22P02": (StatementFailed, "a value has not the form of its type", "Check the values' types."),
    "22003": (StatementFailed, "a number is out of range", "Use a wider type."),
    "22012": (StatementFailed, "division by zero", "Guard it with nullif()."),
    "22001": (StatementFailed, "a value is too long for its column", "Widen the column."),
    "22021": (
        StatementFailed,
        "a text holds bytes that are no character of the encoding",
        "Remove NUL characters; for a database of SQL_ASCII name what it holds in the url: ?client_encoding=latin1.",
    ),
    "3D000": (ConnectionFailed, "the database does not exist", "Correct the name at the end of the url."),
    "3F000": (InvalidStatement, "the schema does not exist", "Create it, or correct its name."),
    "28P01": (AuthenticationFailed, "the role or its password is wrong", "Correct user or password."),
    "28000": (AuthenticationFailed, "the server does not let this role in", "Look at pg_hba.conf."),
}
_BY_CLASS: dict[str, tuple[type[DbManagerError], str, str]] = {
    "22": (StatementFailed, "a value does not fit", "Check the values' types and ranges."),
    "23": (ConstraintViolated, "a constraint would be broken", "Look at the constraint and the rows."),
    "53": (ResourceExhausted, "the server is out of a resource", "Look at disk, memory and connections."),
    "54": (ResourceExhausted, "a limit of the server was passed", "Ask for less at a time."),
    "57": (ConnectionFailed, "the server is going down or ended the session", "Try again."),
    "58": (StatementFailed, "the server met a system error", "Look at its log."),
    "28": (AuthenticationFailed, "the server does not let this role in", "Look at role, password and pg_hba.conf."),
}


def mapped(problem: asyncpg.PostgresError, *, connection: str) -> DbManagerError:
    """Return our error. Class 42 texts with a position hold names from the statement only, so they are passed on.

    The same class without a position comes of a function that ran, and repeats the value that it was given.
    """
    state = str(getattr(problem, "sqlstate", None) or "")
    where = ".".join(
        str(name)
        for name in (
            getattr(problem, "table_name", None),
            getattr(problem, "column_name", None),
            getattr(problem, "constraint_name", None),
        )
        if name
    )
    object_name = where or connection
    if state.startswith("42") and state != "42501":
        is_of_text = getattr(problem, "position", None) is not None
        return InvalidStatement(
            str(problem).splitlines()[0][:300] if is_of_text else f"a function refused a value (SQLSTATE {state})",
            object_name=object_name,
            hint=(getattr(problem, "hint", None) if is_of_text else None) or "Look at the schema.",
            next_actions=("describe_schema",),
        )
    if state == "42501":
        return PermissionDenied(str(problem).splitlines()[0][:200], object_name=object_name, hint=_BY_STATE[state][2])
    kind, message, hint = _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or (
        StatementFailed, f"the server refused with SQLSTATE {state or 'unknown'}", "Look it up in the manual, appendix A.",
    )  # fmt: skip
    actions = ("propose_change",) if kind is StatementRefused else ()
    return kind(message, object_name=object_name, hint=hint, next_actions=actions)


def connect_error(problem: Exception, *, connection: str, host: str | None, port: int | None) -> DbManagerError:
    """Return one clear sentence for a connection that could not be made."""
    if isinstance(problem, asyncpg.PostgresError):
        error = mapped(problem, connection=connection)
        error.message = f"connection {connection!r}: {error.message}"
        error.args = (error.message,)
        if isinstance(error, AuthenticationFailed):
            error.hint = f"Correct the user in connections.{connection}.url or connections.{connection}.password."
        return error
    address = f"{host or 'localhost'}:{port or 5432}"
    if isinstance(problem, ssl.SSLError):
        return ConnectionFailed(
            f"connection {connection!r}: TLS with {address} failed",
            object_name=connection,
            hint=f"Check connections.{connection}.tls and the server's certificate.",
        )
    if type(problem) is ConnectionError:  # what asyncpg says of a server that turns TLS down
        return ConnectionFailed(
            f"connection {connection!r}: {address} offers no TLS",
            object_name=connection,
            hint=f'Switch it on there; connections.{connection}.tls.mode = "disable" sends everything in clear.',
        )
    return ConnectionFailed(
        f"connection {connection!r}: nothing answers at {address}",
        object_name=connection,
        hint=f"Start the server, or correct connections.{connection}.url.",
    )
