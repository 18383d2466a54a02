"""Between the wire and the SDK: keeps what the live server answers, and holds it against what was answered before it."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator

import anyio.to_thread

from dbmanager_server.pipes import Input, Output
from dbmanager_server.snapshot import METHODS, Exchange, Snapshot

MARKS = (*(f'"{method}"' for method in sorted(METHODS)), '"notifications/initialized"')
_log = logging.getLogger(__name__)


class Recorder:
    """Watches the requests whose answers are kept. A difference to the snapshot is logged and ends its use."""

    def __init__(self, snapshot: Snapshot, answered: dict[str | int, str]) -> None:
        self._snapshot = snapshot
        self._answered = dict(answered)
        self._asked: dict[str, str] = {}
        self._exchange = Exchange()

    async def hearing(self, lines: Input) -> AsyncIterator[str]:
        """Yield every line that comes, noting requests whose answers are kept."""
        async for line in lines:
            if any(mark in line for mark in MARKS):
                self._note(line)
            yield line

    def telling(self, output: Output) -> Telling:
        """Return what the SDK writes to."""
        return Telling(self, output)

    def _note(self, line: str) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        name = self._exchange.name(message)
        if name is not None:
            self._asked[json.dumps(message["id"])] = name

    async def passes(self, text: str) -> bool:
        """Whether a line is to be sent: not where its request was answered before the server was there."""
        if not self._asked and not self._answered:
            return True
        line = text.rstrip("\n")
        id_ = json.loads(line).get("id") if line.startswith('{"jsonrpc":"2.0","id":') else None
        if not isinstance(id_, str | int) or '"method":' in line[:200]:
            return True
        sent = self._answered.pop(id_, None)
        name = self._asked.pop(json.dumps(id_), None)
        if sent is None:
            if name is not None and self._snapshot.keep(name, id_, line):
                await anyio.to_thread.run_sync(self._snapshot.save)
            return True
        if sent != line:
            _log.warning("an answer kept from an earlier start differs from today's; it is forgotten")
            self._snapshot.discard()
        return False


class Telling:
    """Writes like a file of text, in the SDK's sense."""

    def __init__(self, recorder: Recorder, output: Output) -> None:
        self._recorder = recorder
        self._output = output

    async def write(self, text: str) -> None:
        """Send a line, unless its request was answered already."""
        if await self._recorder.passes(text):
            await self._output.write(text)

    async def flush(self) -> None:
        """Do nothing: every write is sent at once."""
