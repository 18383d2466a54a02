"""Between the wire and the SDK: keeps what the live server answers, and holds it against what was answered before it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator

from dbmanager_server.pipes import Input, Output
from dbmanager_server.snapshot import METHODS, Exchange, Snapshot

MARKS = (*(f'"{method}"' for method in sorted(METHODS)), '"notifications/initialized"')
QUIET_SECONDS = 0.2
_log = logging.getLogger(__name__)


class Recorder:
    """Watches the requests whose answers are kept. A difference to the snapshot is logged and ends its use."""

    def __init__(self, snapshot: Snapshot, answered: dict[str | int, str]) -> None:
        self._snapshot = snapshot
        self._answered = dict(answered)
        self._asked: dict[str | int, str] = {}
        self._exchange = Exchange()
        self._saving: asyncio.TimerHandle | None = None

    async def hearing(self, lines: Input) -> AsyncIterator[str]:
        """Yield every line that comes, noting requests whose answers are kept."""
        async for line in lines:
            if any(mark in line for mark in MARKS):
                self._note(line)
            yield line

    def telling(self, output: Output, lines: Input) -> Telling:
        """Return what the SDK writes to."""
        return Telling(self, output, lines)

    def close(self) -> None:
        """Save what is still to be saved."""
        if self._saving is not None:
            self._saving.cancel()
            self._save()

    def _note(self, line: str) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        name = self._exchange.name(message)
        if name is not None:
            self._asked[message["id"]] = name

    def passes(self, text: str) -> bool:
        """Whether a line is to be sent: not where its request was answered before the server was there."""
        if not self._asked and not self._answered:
            return True
        line = text.rstrip("\n")
        message = json.loads(line)
        id_ = message.get("id")
        if "method" in message or not isinstance(id_, str | int):  # a request or notification of the server's own
            return True
        sent, name = self._answered.pop(id_, None), self._asked.pop(id_, None)
        if sent is None:
            if name is not None and self._snapshot.keep(name, id_, line):
                self._save_soon()
            return True
        if sent != line:
            _log.warning("an answer kept from an earlier start differs from today's; it is forgotten")
            self._snapshot.discard()
        return False

    def _save_soon(self) -> None:
        """Save once no more answers come: nobody waits for the disk before being answered."""
        if self._saving is not None:
            self._saving.cancel()
        self._saving = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._save)

    def _save(self) -> None:
        self._saving = None
        self._snapshot.save()


class Telling:
    """Writes like a file of text, in the SDK's sense."""

    def __init__(self, recorder: Recorder, output: Output, lines: Input) -> None:
        self._recorder = recorder
        self._output = output
        self._lines = lines

    async def write(self, text: str) -> None:
        """Send a line, unless its request was answered already."""
        if self._recorder.passes(text):
            await self._output.write(text)
        self._lines.answered(text)

    async def flush(self) -> None:
        """Do nothing: every write is sent at once."""
