"""The error tree, class by class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbmanager.errors import DbManagerError


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One kind of error: its code, default message, parent's code, who can fix it, and whether to try again."""

    code: str
    name: str
    message: str
    parent: str
    fixed_by: str
    retry: bool


def errors() -> list[ErrorRow]:
    """Return every error class below the root, each followed by its own kinds."""
    return list(_below(DbManagerError))


def _below(parent: type[DbManagerError]) -> Iterator[ErrorRow]:
    for kind in parent.__subclasses__():
        if kind.__module__ != DbManagerError.__module__:
            continue  # an adapter's own kind of one of these, never told apart by a caller
        message = (kind.__doc__ or "").strip().splitlines()[0]
        yield ErrorRow(kind.code, kind.__name__, message, parent.code, kind.fixed_by, kind.retry)
        yield from _below(kind)
