"""MySQL's and MariaDB's errors as ours, by number; texts that can hold a value are never passed on."""

from __future__ import annotations

import ssl

from pymysql.constants import CR
from pymysql.err import MySQLError

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

_ROWS = "Look at the constraint and the rows."
_BY_NUMBER: dict[int, tuple[type[DbManagerError], str, str]] = {
    1317: (QueryTimeout, "the statement was stopped", "Narrow it, or explain it."),
    1969: (QueryTimeout, "the statement was stopped at its time limit", "Narrow it, or explain it."),
    3024: (QueryTimeout, "the statement was stopped at its time limit", "Narrow it, or explain it."),
    1205: (LockTimeout, "a lock was not granted in time", "Try again, or look at who holds it."),
    1213: (LockTimeout, "the statement was part of a deadlock", "Try again."),
    3572: (LockTimeout, "a lock was not granted at once", "Try again."),
    1020: (LockTimeout, "another transaction changed the same rows", "Try again."),
    1792: (StatementRefused, "the read-only session does not allow that", "Propose the change as a change set."),
    1290: (StatementRefused, "the server runs with an option that does not allow that", "Look at read_only, secure_file_priv."),
    1836: (StatementRefused, "the server is read-only", "Use the primary server."),
    1062: (ConstraintViolated, "a unique constraint would be broken", _ROWS),
    1586: (ConstraintViolated, "a unique constraint would be broken", _ROWS),
    1451: (ConstraintViolated, "a foreign key would be broken: other rows refer to this one", _ROWS),
    1452: (ConstraintViolated, "a foreign key would be broken: there is no such parent", _ROWS),
    1216: (ConstraintViolated, "a foreign key would be broken: there is no such parent", _ROWS),
    1217: (ConstraintViolated, "a foreign key would be broken: other rows refer to this one", _ROWS),
    4025: (ConstraintViolated, "a check constraint would be broken", _ROWS),
    1264: (StatementFailed, "a number is out of range", "Use a wider type."),
    1690: (StatementFailed, "a number is out of range", "Use a wider type."),
    1406: (StatementFailed, "a value is too long for its column", "Widen the column."),
    1365: (StatementFailed, "division by zero", "Guard it with nullif()."),
    1292: (StatementFailed, "a value has not the form of its type", "Check the values' types."),
    1366: (StatementFailed, "a value has not the form of its type", "Check the values' types."),
    1265: (StatementFailed, "a value does not fit its column", "Check the values' types."),
    1411: (StatementFailed, "a value has not the form of its type", "Check the values' types."),
    1416: (StatementFailed, "a value is no geometry", "Check the values' types."),
    1242: (StatementFailed, "a subquery gives more than one row", "Limit it, or use IN."),
    1040: (ResourceExhausted, "the server has no connection left", "Try again, or raise max_connections."),
    1203: (ResourceExhausted, "the user has no connection left", "Try again, or raise max_user_connections."),
    1226: (ResourceExhausted, "the user has used up a limit of the server", "Look at the account's limits."),
    1114: (ResourceExhausted, "a table is full", "Look at disk and tmp_table_size."),
    1021: (ResourceExhausted, "the disk is full", "Look at the server's disk."),
    1041: (ResourceExhausted, "the server is out of memory", "Ask for less at a time."),
    1038: (ResourceExhausted, "the server is out of sort memory", "Ask for less at a time."),
    1153: (ResourceExhausted, "a packet is larger than max_allowed_packet", "Ask for less at a time."),
    1301: (ResourceExhausted, "a result is larger than max_allowed_packet", "Ask for less at a time."),
    1206: (ResourceExhausted, "the lock table is full", "Change fewer rows at a time."),
    1049: (ConnectionFailed, "the database does not exist", "Correct the name at the end of the url."),
    1044: (AuthenticationFailed, "the user may not use this database", "Grant it, or correct the url."),
    1045: (AuthenticationFailed, "the user or its password is wrong", "Correct user or password."),
    1698: (AuthenticationFailed, "the server does not let this user in", "Look at the account's plugin."),
    1130: (AuthenticationFailed, "the server lets nobody in from this host", "Look at the account's host."),
    3118: (AuthenticationFailed, "the account is locked", "Unlock it, or use another."),
    4151: (AuthenticationFailed, "the account is locked", "Unlock it, or use another."),
    1862: (AuthenticationFailed, "the password has expired", "Set a new one."),
    1820: (AuthenticationFailed, "the password has expired", "Set a new one."),
    2003: (ConnectionFailed, "nothing answers", "Start the server, or correct the url."),
    2006: (ConnectionFailed, "the server ended the session", "Try again."),
    2013: (ConnectionFailed, "the connection was cut", "Try again."),
    3159: (ConnectionFailed, "the server takes encrypted connections only", "Set tls for this connection."),
    1053: (ConnectionFailed, "the server is going down", "Try again."),
    1927: (ConnectionFailed, "the connection was ended", "Try again."),
    1064: (InvalidStatement, "the server does not understand the statement", "Check its syntax for this server's version."),
    1300: (InvalidStatement, "a name holds a character that no name can have", "Names take the first 65,536 characters."),
    1210: (InvalidStatement, "the number of parameters does not fit the placeholders", "Pass one per ?."),
    1105: (StatementFailed, "the server could not carry out the statement", "Look at its log."),
    1295: (InvalidStatement, "this statement takes no parameters", "Write the values into it."),
}  # fmt: skip
_NAMES_ONLY = frozenset((
    1050, 1051, 1052, 1054, 1055, 1056, 1059, 1060, 1061, 1063, 1066, 1068, 1069, 1070, 1071, 1072, 1073, 1074, 1075, 1089,
    1090, 1091, 1102, 1103, 1109, 1110, 1111, 1113, 1115, 1117, 1118, 1128, 1136, 1140, 1146, 1166, 1170, 1171, 1176, 1191,
    1214, 1221, 1222, 1235, 1241, 1247, 1248, 1267, 1270, 1271, 1273, 1288, 1304, 1305, 1318, 1347, 1348, 1356, 1359, 1360,
    1415, 1439, 1471, 1553, 1582, 1630, 1822, 1824, 1826, 1901, 1906, 1907, 3102, 3105, 3106, 3109, 3582, 3593, 3780, 3821,
    3822, 3823, 3940, 4031, 4078, 4091,
))  # fmt: skip
"""Errors whose text holds names and grammar of the statement only."""
_CERTIFICATE = {
    10: "has expired",
    18: "is signed by itself, and no authority that is trusted",
    19: "is signed by an authority that is not trusted",
    20: "is signed by an authority that is not trusted",
    62: "is for another host",
    64: "is for another host",
}
"""By OpenSSL's verification codes."""
_NAMED_CONSTRAINTS = frozenset((1048, 1364, 3819))
"""Broken constraints whose text holds the name of the column or check and no value."""
DENIED = frozenset((1044, 1142, 1143, 1227, 1370, 1410, 1419, 1449, 3879, 4041))
"""The account lacks a right; 1044, on a database as a whole, is told where it logs in."""


def mapped(problem: MySQLError, *, connection: str) -> DbManagerError:
    """Return our error."""
    number = int(problem.args[0]) if problem.args and isinstance(problem.args[0], int) else 0
    text = str(problem.args[1]) if len(problem.args) > 1 else ""
    if number in _NAMED_CONSTRAINTS:
        return ConstraintViolated(text[:300], object_name=connection, hint=_ROWS)
    if number in _NAMES_ONLY:
        return InvalidStatement(
            text[:300], object_name=connection, hint="Look at the schema.", next_actions=("describe_schema",)
        )
    if number in DENIED and number != 1044:
        return PermissionDenied(text[:200], object_name=connection, hint="Grant it, or ask for less.")
    kind, message, hint = _BY_NUMBER.get(number) or (
        StatementFailed, f"the server refused with error {number or 'unknown'}", "Look it up in the manual's error list.",
    )  # fmt: skip
    actions = ("propose_change",) if kind is StatementRefused else ()
    return kind(message, object_name=connection, hint=hint, next_actions=actions)


def _tls_error(problem: BaseException, connection: str, address: str) -> DbManagerError:
    """Return what is wrong with the encryption, and where it is mended."""
    key = f"connections.{connection}.tls"
    said, hint = f"TLS with {address} failed", f"Check {key} and the server's certificate."
    if isinstance(problem, ssl.SSLCertVerificationError):
        why = _CERTIFICATE.get(problem.verify_code, "does not hold")
        said = f"TLS with {address} failed: the server's certificate {why}"
        hint = f"Name the authority in {key}.ca_file, and the host in the url as the certificate names it."
    elif not isinstance(problem, ssl.SSLError):
        said = f"TLS with {address} failed: the server offers none, and it is required"
        hint = f"Switch it on there; {key}.mode = 'disable' gives it up, password and rows then go in plain text."
    return ConnectionFailed(f"connection {connection!r}: {said}", object_name=connection, hint=hint)


def connect_error(
    problem: Exception, *, connection: str, host: str | None, port: int | None, encrypted: bool
) -> DbManagerError:
    """Return one clear sentence for a connection that could not be made."""
    address = f"{host or 'localhost'}:{port or 3306}"
    cause = problem.__cause__
    number = problem.args[0] if isinstance(problem, MySQLError) and problem.args else 0
    if isinstance(problem, ssl.SSLError) or isinstance(cause, ssl.SSLError) or number == CR.CR_SSL_CONNECTION_ERROR:
        return _tls_error(cause if isinstance(cause, ssl.SSLError) else problem, connection, address)
    if isinstance(problem, MySQLError) and number not in (2003, 2006, 2013):
        error = mapped(problem, connection=connection)
        error.message = f"connection {connection!r}: {error.message}"
        error.args = (error.message,)
        if isinstance(error, AuthenticationFailed):
            error.hint = f"Correct the user in connections.{connection}.url or connections.{connection}.password." + (
                ""
                if encrypted
                else f" A server that takes encrypted connections only may say so: connections.{connection}.tls."
            )
        return error
    return ConnectionFailed(
        f"connection {connection!r}: nothing answers at {address}",
        object_name=connection,
        hint=f"Start the server, or correct connections.{connection}.url.",
    )
