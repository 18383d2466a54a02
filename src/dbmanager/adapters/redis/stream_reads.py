"""XREAD as far as it only reads: without BLOCK, and never more of each stream than the page takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dbmanager.errors import InvalidStatement, StatementRefused

XREAD = b"XREAD"


@dataclass(frozen=True, slots=True)
class StreamRead:
    """`count` is what is asked of each stream, 0 and less for all; `ids` stand beside `keys`."""

    count: int
    keys: tuple[bytes, ...]
    ids: tuple[bytes, ...]

    def limited(self, most: int) -> tuple[bytes, ...]:
        """Return the command with at most so many entries of each stream."""
        count = min(self.count, most) if self.count > 0 else most
        return (XREAD, b"COUNT", str(count).encode(), b"STREAMS", *self.keys, *self.ids)


def stream_read(arguments: Sequence[bytes]) -> StreamRead:
    """Take XREAD [COUNT n] STREAMS key ... id ... apart, as the server does: options end at STREAMS.

    Raises:
        StatementRefused: it may wait.
        InvalidStatement: it is not understood.
    """
    count, at = 0, 1
    while at < len(arguments):
        word = arguments[at].upper()
        if word == b"STREAMS":
            rest = tuple(arguments[at + 1 :])
            half = len(rest) // 2
            if not rest or len(rest) % 2:
                raise _unclear("XREAD names a stream and an id for each")
            return StreamRead(count, rest[:half], rest[half:])
        if word == b"BLOCK":
            raise StatementRefused("XREAD with BLOCK waits", object_name="XREAD", hint="Leave BLOCK out.")
        if word != b"COUNT" or at + 1 >= len(arguments):
            raise _unclear("XREAD has an option that is not COUNT")
        try:
            count = int(arguments[at + 1])
        except ValueError:
            raise _unclear("COUNT is not a whole number") from None
        at += 2
    raise _unclear("XREAD names no STREAMS")


def _unclear(what: str) -> InvalidStatement:
    return InvalidStatement(what, object_name="XREAD", hint='Write ["XREAD", "COUNT", "10", "STREAMS", key, "0"].')
