"""MongoDB's errors as ours, by their code; the server's texts may repeat values and are not passed on."""

from __future__ import annotations

import ssl

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
)

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
    UnsupportedCapability,
)
from dbmanager.model.configuration import ResolvedUrl


class NoSuchCollection(InvalidStatement):
    """The collection does not exist."""


class AlreadyThere(InvalidStatement):
    """The collection exists already."""


_Kind = tuple[type[DbManagerError], str, str]
_TYPES = "Check the types of the fields, or use $convert with onError."
_LOOK = "Look at the collection's fields."
_BY_CODE: dict[int, _Kind] = {
    2: (InvalidStatement, "an argument has a bad value", "Check the operators' arguments."),
    9: (InvalidStatement, "the command was not understood", "Check the operators and their arguments."),
    11: (InvalidStatement, "there is no such user", "Look at the users."),
    13: (PermissionDenied, "the role lacks a privilege", "Grant it, or ask for less."),
    14: (InvalidStatement, "an argument has the wrong type", _TYPES),
    18: (AuthenticationFailed, "the user or its password is wrong", "Correct user, password or authSource."),
    24: (LockTimeout, "a lock was not granted in time", "Try again, or look at who holds it."),
    26: (NoSuchCollection, "the collection does not exist", _LOOK),
    27: (InvalidStatement, "the index does not exist", "Look at the collection's indexes."),
    28: (StatementFailed, "a path leads through a value that is no document", _LOOK),
    31: (InvalidStatement, "there is no such role", "Look at the roles."),
    40: (InvalidStatement, "two updates touch the same field", "Split them."),
    43: (StatementFailed, "the cursor is gone", "Run the statement again."),
    48: (AlreadyThere, "the collection exists already", "Use another name."),
    50: (QueryTimeout, "the statement was stopped at its time limit", "Narrow it, or explain it."),
    52: (InvalidStatement, "a field name begins with $", "Use another name."),
    59: (UnsupportedCapability, "the server has no such command", "Use another engine or version."),
    66: (InvalidStatement, "the field _id can't be changed", "Insert a new document instead."),
    67: (InvalidStatement, "the index can't be made as described", "Check its keys and options."),
    68: (InvalidStatement, "the index exists already", "Look at the collection's indexes."),
    72: (InvalidStatement, "the options are not valid", "Check them against the manual."),
    73: (InvalidStatement, "the name is not valid", "Use another name."),
    85: (InvalidStatement, "an index of other options exists on these keys", "Look at the collection's indexes."),
    86: (InvalidStatement, "an index of that name has other keys", "Look at the collection's indexes."),
    112: (LockTimeout, "another transaction changed the same documents", "Try again."),
    115: (UnsupportedCapability, "the server does not support that", "Use another stage or operator."),
    121: (ConstraintViolated, "a document would break the collection's validator", "Look at the validator."),
    146: (ResourceExhausted, "the statement needs more memory than it may have", "Match and limit earlier."),
    166: (InvalidStatement, "a view does not allow that", "Use the collection behind it."),
    168: (InvalidStatement, "an expression is not valid", "Check the operators and their arguments."),
    241: (StatementFailed, "a value can't be converted", _TYPES),
    251: (LockTimeout, "the transaction was ended by the server", "Try again."),
    279: (StatementFailed, "the statement was stopped because its client went", "Run it again."),
    291: (InvalidStatement, "no index allows this plan", "Look at the collection's indexes."),
    292: (ResourceExhausted, "the sort or group needs more memory than it may have", "Match and limit earlier, or add an index."),
    10334: (StatementFailed, "a document is larger than 16 MB", "Project fewer fields."),
    11000: (ConstraintViolated, "a unique index would be broken", "Look at the index and the documents."),
    11600: (ConnectionFailed, "the server is going down", "Try again."),
    11601: (QueryTimeout, "the statement was stopped by the server", "Narrow it, or explain it."),
    14031: (ResourceExhausted, "the server is out of disk space", "Free some."),
    17217: (ResourceExhausted, "there are too many distinct values for one answer", "Group and limit with aggregate."),
    17419: (StatementFailed, "the document would grow over 16 MB", "Split it."),
    40324: (InvalidStatement, "a stage of the pipeline is not known to the server", "Use another stage."),
}  # fmt: skip


def mapped(problem: PyMongoError, *, connection: str, url: ResolvedUrl) -> DbManagerError:
    """Return our error for the driver's."""
    if isinstance(problem, BulkWriteError):
        return of_code(11000, connection)
    if isinstance(problem, OperationFailure):
        if problem.code in (18, 8000):
            return _login(connection)
        return of_code(problem.code, connection)
    if isinstance(problem, ConnectionFailure | ConfigurationError):
        return connect_error(problem, connection=connection, url=url)
    if isinstance(problem, DocumentTooLarge):
        return of_code(10334, connection)
    if isinstance(problem, InvalidOperation):
        return StatementFailed("the connection is closed", object_name=connection, hint="Try again.")
    return StatementFailed("the statement could not be carried out by the driver", object_name=connection)


def of_code(code: int | None, connection: str) -> DbManagerError:
    """Return the error that a server's code stands for."""
    kind, message, hint = _BY_CODE.get(code or 0) or (
        StatementFailed, f"the server refused with error {code if code is not None else 'unknown'}",
        "Look it up in the manual, Error Codes.",
    )  # fmt: skip
    actions = ("describe_schema",) if issubclass(kind, InvalidStatement) else ()
    return kind(message, object_name=connection, hint=hint, next_actions=actions)


def _login(connection: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        f"connection {connection!r}: the user or its password is wrong", object_name=connection,
        hint=f"Correct the user or authSource in connections.{connection}.url, or connections.{connection}.password.",
    )  # fmt: skip


def connect_error(problem: Exception, *, connection: str, url: ResolvedUrl) -> DbManagerError:
    """Return one clear sentence for a connection that could not be made or was lost."""
    address = url.hosts or f"{url.host or 'localhost'}:{url.port or 27017}"
    if isinstance(problem, ConfigurationError | ValueError | BSONError):
        return ConnectionFailed(
            f"connection {connection!r}: the address can't be used",
            object_name=connection,
            hint=f"Correct connections.{connection}.url.",
        )
    text = str(problem)
    if isinstance(problem.__cause__, ssl.SSLError) or "SSL" in text or "certificate" in text.lower():
        return ConnectionFailed(
            f"connection {connection!r}: TLS with {address} failed",
            object_name=connection,
            hint=f"Check connections.{connection}.tls and the server's certificate.",
        )
    return ConnectionFailed(
        f"connection {connection!r}: nothing answers at {address}",
        object_name=connection,
        hint=f"Start the server, or correct connections.{connection}.url.",
    )
