"""What the engine's SQLSTATEs are called in MongoDB.

DocumentDB raises MongoDB's errors as states of class M0; errors of PostgreSQL itself keep their own states.
Source: https://www.mongodb.com/docs/manual/reference/error-codes/
"""

from __future__ import annotations

from typing import Any

import asyncpg

UNKNOWN = (8, "UnknownError")
CODES = {
    "M0000": (1, "InternalError"), "M0001": (2, "BadValue"), "M0002": (5, "GraphContainsCycle"),
    "M0003": (9, "FailedToParse"), "M0004": (14, "TypeMismatch"), "M0005": (15, "Overflow"),
    "M0006": (20, "IllegalOperation"), "M0008": (26, "NamespaceNotFound"), "M0009": (27, "IndexNotFound"),
    "M000A": (28, "PathNotViable"), "M000B": (31, "RoleNotFound"), "M000D": (40, "ConflictingUpdateOperators"),
    "M000E": (43, "CursorNotFound"), "M000F": (48, "NamespaceExists"), "M000G": (52, "DollarPrefixedFieldName"),
    "M000J": (56, "EmptyFieldName"), "M000M": (66, "ImmutableField"), "M000N": (67, "CannotCreateIndex"),
    "M000O": (68, "IndexAlreadyExists"), "M000P": (72, "InvalidOptions"), "M000Q": (73, "InvalidNamespace"),
    "M000R": (85, "IndexOptionsConflict"), "M000S": (86, "IndexKeySpecsConflict"), "M000U": (115, "CommandNotSupported"),
    "M000W": (146, "ExceededMemoryLimit"), "M000Z": (166, "CommandNotSupportedOnView"),
    "M0012": (197, "InvalidIndexSpecificationOption"), "M0013": (224, "QueryFeatureNotAllowed"),
    "M0015": (241, "ConversionFailure"), "M0016": (263, "OperationNotSupportedInTransaction"),
    "M0018": (291, "NoQueryExecutionPlans"), "M001B": (10334, "BSONObjectTooLarge"), "M001C": (11000, "DuplicateKey"),
    "M0087": (40414, "Location40414"), "M0088": (40415, "Location40415"), "M007U": (40324, "Location40324"),
    "M00CO": (121, "DocumentValidationFailure"), "M00ER": (13, "Unauthorized"), "M00EV": (18, "AuthenticationFailed"),
    "M00EX": (50, "MaxTimeMSExpired"), "M00EY": (59, "CommandNotFound"), "M00F1": (112, "WriteConflict"),
    "23505": (11000, "DuplicateKey"), "23P01": (11000, "DuplicateKey"), "28P01": (18, "AuthenticationFailed"), "40001": (112, "WriteConflict"),
    "40P01": (112, "WriteConflict"), "42501": (13, "Unauthorized"), "42704": (11, "UserNotFound"),
    "53100": (14031, "OutOfDiskSpace"), "55P03": (24, "LockTimeout"), "57014": (11601, "Interrupted"),
}  # fmt: skip
RETRY = {24, 112}


class CommandError(Exception):
    """The command failed; it is answered with `ok: 0`."""

    def __init__(self, code: int, name: str, message: str, labels: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.document: dict[str, Any] = {"ok": 0.0, "errmsg": message, "code": code, "codeName": name}
        if labels:
            self.document["errorLabels"] = list(labels)


def not_found(command: str) -> CommandError:
    """Return the refusal of a command that the engine does not execute."""
    return CommandError(59, "CommandNotFound", f"no such command: '{command}'")


def translated(error: asyncpg.PostgresError, *, timed: bool, in_transaction: bool) -> CommandError:
    """Return PostgreSQL's error as MongoDB's; a cancelled statement that had a time limit has exceeded it."""
    state = str(error.sqlstate)
    code, name = CODES.get(state, UNKNOWN)
    if state == "57014" and timed:
        code, name = 50, "MaxTimeMSExpired"
    labels = ("TransientTransactionError",) if in_transaction and code in RETRY else ()
    message = str(error.args[0] if error.args else error)
    return CommandError(code, name, message if (code, name) != UNKNOWN else f"{message} (SQLSTATE {state})", labels)


def unpacked(code: int) -> tuple[int, str]:
    """Return what a code means that the engine put into a reply: a SQLSTATE packed as PostgreSQL packs it."""
    state = "".join(chr((code >> (6 * place) & 0x3F) + ord("0")) for place in range(5))
    return CODES.get(state, UNKNOWN)
