"""Redis's errors as ours, by the code word that begins each; the rest of a text may hold a value and is never passed on."""

from __future__ import annotations

import re
import ssl

from redis import exceptions as driver

from dbmanager.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    DbManagerError,
    InvalidStatement,
    LockTimeout,
    PermissionDenied,
    ResourceExhausted,
    StatementFailed,
)

_Known = tuple[type[DbManagerError], str, str]
_BY_WORD: dict[str, _Known] = {
    "WRONGTYPE": (InvalidStatement, "the key holds another type of value", "Ask its type first: [\"TYPE\", key]."),
    "NOPERM": (PermissionDenied, "the user's ACL does not allow the command, the key or the channel", "Ask for the right, or for less."),
    "NOAUTH": (AuthenticationFailed, "the server wants a user and password", "Give both in the configuration."),
    "WRONGPASS": (AuthenticationFailed, "the user or the password is wrong", "Correct user or password."),
    "OOM": (ResourceExhausted, "the server is at its memory limit", "Look at maxmemory and its policy."),
    "READONLY": (StatementFailed, "the server is a read-only replica", "Connect to the primary."),
    "LOADING": (ConnectionFailed, "the server is still loading its data", "Try again."),
    "BUSY": (LockTimeout, "the server is running a script and answers nobody", "Try again, or end the script."),
    "MASTERDOWN": (ConnectionFailed, "the replica has lost its primary", "Try again, or connect to the primary."),
    "MISCONF": (StatementFailed, "the server refuses writes since it could not save to disk", "Look at its log and disk."),
    "NOREPLICAS": (StatementFailed, "the server refuses writes since it has too few replicas", "Look at min-replicas-to-write."),
    "EXECABORT": (StatementFailed, "the transaction was refused as a whole", "Look at the command; nothing was changed."),
    "MOVED": (StatementFailed, "the key lives on another node of the cluster", "Connect to that node."),
    "ASK": (StatementFailed, "the key is moving to another node of the cluster", "Try again."),
    "CROSSSLOT": (InvalidStatement, "the keys do not live together in the cluster", "Ask for one key at a time."),
    "CLUSTERDOWN": (ConnectionFailed, "the cluster is down", "Try again."),
    "BUSYKEY": (StatementFailed, "the key exists already", "Delete it first."),
    "BUSYGROUP": (StatementFailed, "the consumer group exists already", "Look at XINFO GROUPS."),
    "NOGROUP": (InvalidStatement, "there is no such stream or consumer group", "Look at XINFO GROUPS."),
    "NOSCRIPT": (StatementFailed, "the script is not known to the server", "Send it whole."),
}  # fmt: skip
_BY_CLASS: tuple[tuple[type[Exception], str], ...] = (
    (driver.NoPermissionError, "NOPERM"),
    (driver.AuthenticationError, "WRONGPASS"),
    (driver.BusyLoadingError, "LOADING"),
    (driver.OutOfMemoryError, "OOM"),
    (driver.ReadOnlyError, "READONLY"),
    (driver.ExecAbortError, "EXECABORT"),
    (driver.NoScriptError, "NOSCRIPT"),
    (driver.MovedError, "MOVED"),
    (driver.AskError, "ASK"),
    (driver.ClusterCrossSlotError, "CROSSSLOT"),
    (driver.ClusterDownError, "CLUSTERDOWN"),
    (driver.MasterDownError, "MASTERDOWN"),
)
_WORD = re.compile(r"^-?([A-Z]{2,20})(?: |$)")


def word_of(problem: driver.RedisError) -> str:
    """Return the code word of an error reply, `ERR` for the general one."""
    for kind, word in _BY_CLASS:
        if isinstance(problem, kind):
            return word
    found = _WORD.match(str(problem))
    return found[1] if found else "ERR"


def mapped(problem: driver.RedisError, *, connection: str, command: str = "") -> DbManagerError:
    """Return our error for an error reply; `command` is our own word for what was sent."""
    named = f"{command}: " if command else ""
    known = _BY_WORD.get(word_of(problem))
    if known is not None:
        kind, message, hint = known
        return kind(named + message, object_name=connection, hint=hint)
    if isinstance(problem, driver.ConnectionError | driver.TimeoutError):
        return ConnectionFailed("the server ended the session", object_name=connection, hint="Try again.")
    return InvalidStatement(
        f"{named}the server refused the command's arguments (ERR)", object_name=connection,
        hint="Check their number, order, kind and range in the manual.",
    )  # fmt: skip


def connect_error(problem: Exception, *, connection: str, address: str) -> DbManagerError:
    """Return one clear sentence for a connection that could not be made."""
    if isinstance(problem, driver.AuthenticationError | driver.ResponseError):
        error = mapped(problem, connection=connection)
        error.message = f"connection {connection!r}: {error.message}"
        error.args = (error.message,)
        return error
    if any(isinstance(p, ssl.SSLError) for p in (problem, problem.__cause__, problem.__context__)):
        return ConnectionFailed(
            f"connection {connection!r}: TLS with {address} failed", object_name=connection,
            hint=f"Check connections.{connection}.tls and the server's certificate.",
        )  # fmt: skip
    return ConnectionFailed(
        f"connection {connection!r}: nothing answers at {address}", object_name=connection,
        hint=f"Start the server, or correct connections.{connection}.url.",
    )  # fmt: skip
