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
PIECE = 4_096
"""A pipe that can be written to takes this much without waiting (PIPE_BUF)."""
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
        if sys.platform == "win32" or not all(_streams(fd) for fd in (0, 1)) or _same(0, 1):
            return None
        import fcntl

        wire = cls(*(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in (0, 1)))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        try:
            os.dup2(2, 1)
        except OSError:  # there is no stderr
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.close(nowhere)
        return wire


def _streams(fd: int) -> bool:
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _same(one: int, other: int) -> bool:
    """Whether both are one socket, which the event loop can't read and write as two pipes."""
    first, second = os.fstat(one), os.fstat(other)
    return stat.S_ISSOCK(first.st_mode) and (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


@dataclass(slots=True)
class Taken:
    """What had come when the server took over."""

    wire: Wire
    lines: list[bytes] = field(default_factory=list)
    rest: bytes = b""
    unsent: bytes = b""
    """What of the answers the client has not read yet; it goes before everything else."""
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
            try:
                chunk = os.read(self._taken.wire.input, CHUNK)
            except BlockingIOError:
                continue
            if not chunk:
                self._taken.ended = True
                break
            waiting += len(chunk)
            *lines, self._taken.rest = (self._taken.rest + chunk).split(b"\n")
            self._taken.lines += lines  # whatever happens while one is answered, the server will see them all
            for line in lines:
                self._answer(line)
            self._first.set()
        self._first.set()

    def _answer(self, line: bytes) -> None:
        """Send the answer to a line where it is known, as far as the client reads; the server sends the rest."""
        try:
            message = json.loads(line)
            name = self._exchange.name(message)
            answer = None if name is None else self.snapshot.answer(name, message["id"])
            data = b"" if answer is None else answer.encode() + b"\n"
        except (ValueError, RecursionError):
            return
        if answer is not None:
            self._taken.answered[message["id"]] = answer
            self._taken.unsent += data
            self._send()

    def _send(self) -> None:
        """Write what is to be written, in pieces that a pipe takes at once, until the server takes over."""
        import select

        if sys.platform == "win32":
            return
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        poll.register(self._taken.wire.output, select.POLLOUT)
        while self._taken.unsent and all(fd != self._wake for fd, _ in poll.poll()):
            try:
                written = os.write(self._taken.wire.output, self._taken.unsent[:PIECE])
            except BlockingIOError:
                continue
            except OSError:  # the client has gone; the server will see the end of its input
                self._taken.unsent = b""
                return
            self._taken.unsent = self._taken.unsent[written:]


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
