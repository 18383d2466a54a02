"""Stands at the wire before the SDK is loaded: answers what is known, keeps every line for the server."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
from dataclasses import dataclass, field

from dbmanager_server.snapshot import Exchange, Snapshot, place

CHUNK = 65_536
MOST_WAITING_BYTES = 16_000_000
"""Lines kept while the SDK loads; a client that sends more waits, as it would without us."""
FIRST_LINE_SECONDS = 0.03
"""How long loading waits for the first line, which clients send at once: both at a time would slow its answer."""


@dataclass(slots=True)
class Wire:
    """The process's standard streams under other numbers; 0 and 1 lead nowhere and to stderr, so no print harms it."""

    input: int
    output: int

    @classmethod
    def claimed(cls) -> Wire | None:
        """Take the streams over; None where they are no pipes or sockets, or there are no such calls."""
        if sys.platform == "win32" or not all(_streams(fd) for fd in (0, 1)):
            return None
        import fcntl

        wire = cls(*(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in (0, 1)))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        return wire


def _streams(fd: int) -> bool:
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@dataclass(slots=True)
class Taken:
    """What had come when the server took over."""

    wire: Wire
    lines: list[bytes] = field(default_factory=list)
    rest: bytes = b""
    ended: bool = False
    answered: dict[str | int, str] = field(default_factory=dict)
    """Lines that were sent already, by their request's id."""


class Front:
    """Reads lines in a thread and answers those that the snapshot knows, until the server takes over."""

    def __init__(self, wire: Wire, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._taken = Taken(wire)
        self._exchange = Exchange()
        self._first = threading.Event()
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._read, name="front", daemon=True)
        self._thread.start()
        self._first.wait(FIRST_LINE_SECONDS)

    def hand_over(self) -> Taken:
        """Stop reading and return what came; every line of it still has to be shown to the server."""
        os.close(self._waker)
        self._thread.join()
        os.close(self._wake)
        return self._taken

    def _read(self) -> None:
        import select

        if sys.platform == "win32":  # there is no front: the wire is never claimed there
            return
        waiting = 0
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        poll.register(self._taken.wire.input, select.POLLIN)
        while waiting < MOST_WAITING_BYTES and all(fd != self._wake for fd, _ in poll.poll()):
            chunk = os.read(self._taken.wire.input, CHUNK)
            if not chunk:
                self._taken.ended = True
                break
            waiting += len(chunk)
            *lines, self._taken.rest = (self._taken.rest + chunk).split(b"\n")
            for line in lines:
                self._take(line)
        self._first.set()

    def _take(self, line: bytes) -> None:
        self._taken.lines.append(line)
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        name = self._exchange.name(message)
        answer = None if name is None else self.snapshot.answer(name, message["id"])
        if answer is not None:
            self._taken.answered[message["id"]] = answer
            _write(self._taken.wire.output, answer.encode() + b"\n")
        self._first.set()


def _write(fd: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        return  # the client has gone; the server will see the end of its input


_begun: Front | None = None


def begin(arguments: list[str]) -> None:
    """Answer from now on, when an earlier start with the same command line has left its answers."""
    global _begun
    snapshot = Snapshot.stored(place(arguments)) if sys.platform != "win32" else None
    if snapshot is not None and (wire := Wire.claimed()) is not None:
        sys.stdout.flush()
        _begun = Front(wire, snapshot)


def take() -> Front | None:
    """Return the front that was begun, once."""
    global _begun
    found, _begun = _begun, None
    return found
