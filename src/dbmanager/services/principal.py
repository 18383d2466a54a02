"""Who a piece of work is done for, and what they may do: set by the transport for a request, by the worker for a job."""

from __future__ import annotations

import functools
import getpass
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import get_args

from dbmanager.errors import ScopeMissing
from dbmanager.model.changes import ChangeSet
from dbmanager.model.configuration import Scope

SCOPES: tuple[Scope, ...] = get_args(Scope)
"""From the least to the most; each holds those before it."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A name for the audit log, and the scopes that cap what may be done under it."""

    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether a scope is held."""
        return scope in self.scopes

    def require(self, scope: Scope, what: str) -> None:
        """Raise `ScopeMissing` unless a scope is held; `what` is what needs it."""
        if not self.may(scope):
            raise ScopeMissing(
                f"{what} needs the scope {scope!r}, which {self.name!r} does not hold "
                f"(it holds {', '.join(one for one in SCOPES if one in self.scopes) or 'none'})",
                object_name=what,
                hint=f"Use a token with the scope {scope}.",
            )


def scopes_of(given: Iterable[str]) -> frozenset[Scope]:
    """Return the scopes that words give: the highest and all below it; words that mean nothing here give none."""
    highest = max((SCOPES.index(word) for word in given if word in SCOPES), default=-1)
    return frozenset(SCOPES[: highest + 1])


def needed_by(change: ChangeSet) -> Scope:
    """Return the scope that approving, applying and undoing a change set needs.

    Decisions about classified data (their steps touch no database, so their access is none) want the highest: they
    change what everybody is shown.
    """
    return "admin" if any(record.step.access in ("admin", "none") for record in change.steps) else "write"


@functools.cache
def process_user() -> Principal:
    """Return who this process acts for where nobody else is named: the system's user, with every scope."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
    return Principal(name, frozenset(SCOPES))


_current: ContextVar[Principal | None] = ContextVar("principal", default=None)


def current() -> Principal:
    """Return whom the present work is done for."""
    return _current.get() or process_user()


def is_process_user() -> bool:
    """Whether the present work is done for whoever started this process, and for nobody's token."""
    return _current.get() in (None, process_user())


def proves_person(method: str) -> bool:
    """Whether a person has answered: at a terminal, or through the client of this process's own user.

    Whoever holds a token of a server over HTTP writes both the question's request and its answer.
    """
    return method == "terminal" or (method == "elicitation" and is_process_user())


@contextmanager
def acting(principal: Principal | None) -> Iterator[None]:
    """Do what is inside for a principal; None is the process's own user."""
    token = _current.set(principal)
    try:
        yield
    finally:
        _current.reset(token)


def written(principal: Principal) -> str:
    """Return a principal as text for the store."""
    return json.dumps({"name": principal.name, "scopes": [one for one in SCOPES if one in principal.scopes]})


def read(text: str) -> Principal | None:
    """Return the principal that was written; None for an empty text, which the process's own user left."""
    if not text:
        return None
    found = json.loads(text)
    return Principal(str(found["name"]), frozenset(one for one in SCOPES if one in found["scopes"]))
