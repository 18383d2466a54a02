"""The wire as the event loop sees it: lines in, lines out, no thread, and nothing that blocks when the client does."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from mcp.types import JSONRPCRequest, jsonrpc_message_adapter
from pydantic import ValidationError

from dbmanager_server.front import Taken

CHUNK = 262_144
LONGEST_LINE = 64_000_000
"""Bytes of one message; a longer one is thrown away with a line in the log."""
INVALID_REQUEST = -32600
ANSWER = re.compile(r'\{"jsonrpc":"2.0","id":("(?:[^"\\]|\\.)*"|-?\d+),"(?:result|error)"')
LAST_ANSWERS_SECONDS = 0.3
"""At the end of input, what is answered within this long is still answered; longer work is stopped."""
LAST_WORDS_SECONDS = 0.3
"""How long a client that says no more has for reading what is written."""
_log = logging.getLogger(__name__)


class Output:
    """Writes whole lines and waits while the client does not read."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    @classmethod
    @asynccontextmanager
    async def opened(cls, fd: int, unsent: bytes = b"") -> AsyncIterator[Output]:
        """Yield the writer of a pipe or socket, which begins with what was not sent yet."""
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(fd, "wb", buffering=0)
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
        if unsent:
            transport.write(unsent)
        try:
            yield cls(asyncio.StreamWriter(transport, protocol, None, loop))
        finally:
            transport.abort() if transport.get_write_buffer_size() else transport.close()

    def expire(self) -> None:
        """Give a client that says no more a moment to read what is left, then drop it: nobody waits for ever."""
        transport = self._writer.transport
        asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, transport.abort)

    async def write(self, text: str) -> None:
        """Send a text; what can't be sent since the client has gone is dropped."""
        try:
            self._writer.write(text.encode())
            await self._writer.drain()
        except ConnectionError:
            await anyio.lowlevel.checkpoint()

    async def flush(self) -> None:
        """Do nothing: every write is sent at once."""


class Input:
    """Yields lines: those that came before, then those of the pipe."""

    def __init__(self, taken: Taken, reader: asyncio.StreamReader, output: Output) -> None:
        self._taken = taken
        self._reader = reader
        self._output = output
        self._asked: set[str | int] = set()
        self._ended = False
        self._all_answered = anyio.Event()

    @classmethod
    @asynccontextmanager
    async def opened(cls, taken: Taken, output: Output) -> AsyncIterator[Input]:
        """Yield the reader of a pipe or socket."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(CHUNK)
        pipe = os.fdopen(taken.wire.input, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            yield cls(taken, reader, output)
        finally:
            transport.close()

    async def __aiter__(self) -> AsyncIterator[str]:
        async for line in self._lines():
            text = line.decode("utf-8", "replace")
            if not await self._refused(text):
                yield text
        self._ended = True
        self._note_all_answered()
        with anyio.move_on_after(LAST_ANSWERS_SECONDS):  # the SDK would drop answers that are about to be written
            await self._all_answered.wait()
        self._output.expire()

    def answered(self, text: str) -> None:
        """Take note that the server has answered a request, whoever sends that answer."""
        found = ANSWER.match(text) if self._asked else None
        if found is not None:
            self._asked.discard(json.loads(found[1]))
            self._note_all_answered()

    def _note_all_answered(self) -> None:
        if self._ended and not self._asked:
            self._all_answered.set()

    async def _lines(self) -> AsyncIterator[bytes]:
        for line in self._taken.lines:
            yield line
        self._taken.lines = []
        parts, length = [self._taken.rest], len(self._taken.rest)
        while not self._taken.ended and (chunk := await self._reader.read(CHUNK)):
            *whole, rest = chunk.split(b"\n")
            for line in whole:
                if length <= LONGEST_LINE:
                    yield b"".join((*parts, line))
                else:
                    _log.warning("a message of %d bytes was thrown away; at most %d", length, LONGEST_LINE)
                parts, length = [], 0
            length += len(rest)
            parts = [*parts, rest] if length <= LONGEST_LINE else []

    async def _refused(self, text: str) -> bool:
        """Answer what is JSON but no message, if it has an id: the SDK drops it, and its sender would wait for ever."""
        try:
            message = jsonrpc_message_adapter.validate_json(text, by_name=False)
        except ValidationError:
            told = _told(text)
        else:
            if isinstance(message, JSONRPCRequest):
                self._asked.add(message.id)
            return False
        for id_, problem in told:
            error = {"code": INVALID_REQUEST, "message": f"Invalid Request: {problem}"}
            await self._output.write(json.dumps({"jsonrpc": "2.0", "id": id_, "error": error}) + "\n")
        return bool(told)


def _told(text: str) -> list[tuple[str | int, str]]:
    """Return whom to answer what about a line that is no message."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if isinstance(found, list):
        ids = [item.get("id") for item in found if isinstance(item, dict)]
        return [
            (id_, "batches are not supported, send one message a line") for id_ in ids if isinstance(id_, str | int)
        ]
    id_ = found.get("id") if isinstance(found, dict) else None
    return [(id_, "this is no request of JSON-RPC 2.0")] if isinstance(id_, str | int) else []
