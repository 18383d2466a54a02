"""What is noted of a call while it runs, for logs and counters: names and codes, never arguments or values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Call:
    """One call under way; whoever finds out why it fails notes the error's code."""

    code: str = ""


_call: ContextVar[Call | None] = ContextVar("call", default=None)


@contextmanager
def noted() -> Iterator[Call]:
    """Yield what is noted of the call inside."""
    call = Call()
    token = _call.set(call)
    try:
        yield call
    finally:
        _call.reset(token)


def note_failure(code: str) -> None:
    """Note why the present call fails; nothing happens where no call is under way."""
    call = _call.get()
    if call is not None:
        call.code = code
