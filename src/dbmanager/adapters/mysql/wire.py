"""One connection to the server: one statement a call, rows streamed, values as the text protocol gives them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiomysql
from pymysql.constants import CLIENT, CR, FIELD_TYPE
from pymysql.converters import escape_string
from pymysql.err import MySQLError, OperationalError

COM_RESET_CONNECTION = 0x1F
_INTEGERS = ("TINY", "SHORT", "LONG", "LONGLONG", "INT24", "YEAR")
_TYPE_NAMES = {
    number: name.lower().replace("newdecimal", "decimal").replace("var_string", "varchar").replace("longlong", "bigint")
    for name, number in vars(FIELD_TYPE).items()
    if name.isupper() and name not in ("CHAR", "INTERVAL")
}

DriverError = MySQLError


def _bits(value: bytes | str) -> int:
    return int.from_bytes(value if isinstance(value, bytes) else value.encode("latin-1"))


DECODERS: dict[int, Any] = {
    **{getattr(FIELD_TYPE, name): int for name in _INTEGERS},
    FIELD_TYPE.FLOAT: float,
    FIELD_TYPE.DOUBLE: float,
    FIELD_TYPE.BIT: _bits,
}
"""Only what Python holds exactly is converted; decimals and times stay the server's text."""


class TlsMissing(OperationalError):  # type: ignore[misc]
    """The server offers no TLS where it is demanded."""


class Wire(aiomysql.Connection):  # type: ignore[misc]
    """A connection that takes one statement at a time and never falls back to plain text."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(conv=DECODERS, charset="utf8mb4", autocommit=None, **arguments)
        self.client_flag &= ~(CLIENT.MULTI_STATEMENTS | CLIENT.LOCAL_FILES)
        self.busy = False

    async def open(self) -> Wire:
        """Connect and log in."""
        try:
            await self._connect()
        except asyncio.CancelledError:
            self.close()
            raise
        return self

    async def _get_server_information(self) -> None:
        """Stop before the password is sent when TLS is demanded and not offered."""
        await super()._get_server_information()
        if self._ssl_context and not self.server_capabilities & CLIENT.SSL:
            raise TlsMissing(CR.CR_SSL_CONNECTION_ERROR, "no TLS")

    @property
    def thread(self) -> int:
        """The server's number of this connection."""
        return int(self.server_thread_id[0])

    @property
    def gone(self) -> bool:
        """Whether the other side hung up, or we did."""
        return self.closed or bool(self._reader.eof_received)

    async def run(self, sql: str) -> int:
        """Run one statement to its end and return the rows it changed."""
        self.busy = True
        with self._answered():
            changed = int(await self.query(sql))
        self.busy = False
        return changed

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """An error of the server ends the statement; only what ends otherwise leaves the connection busy."""
        try:
            yield
        except MySQLError:
            self.busy = False
            raise

    async def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Return all rows of one statement."""
        await self.run(sql)
        return list(self._result.rows or ())

    async def begin_stream(self, sql: str) -> list[tuple[str, str]]:
        """Start a statement and return its columns' names and types; empty when it gives no rows."""
        self.busy = True
        with self._answered():
            await self.query(sql, unbuffered=True)
        result = self._result
        if not result.unbuffered_active:
            self.busy = False
            return []
        return [(field.name, _TYPE_NAMES.get(field.type_code, "")) for field in result.fields]

    async def next_row(self) -> tuple[Any, ...] | None:
        """Return the next row, None at the end."""
        if not self.busy:
            return None
        with self._answered():
            row: tuple[Any, ...] | None = await self._result._read_rowdata_packet_unbuffered()
        if row is None:
            self.busy = False
        return row

    async def reset(self) -> None:
        """Forget everything the session holds: transaction, locks, variables, temporary tables, statements."""
        await self._execute_command(COM_RESET_CONNECTION, b"")
        await self._read_ok_packet()

    def literal_of(self, value: object) -> str:
        """Return a value as a literal that no text can break out of."""
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return "1" if value else "0"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, bytes):
            return f"X'{value.hex()}'"
        text = repr(value) if isinstance(value, float) else str(value)
        return f"'{escape_string(text)}'"
