"""What every facet shares: how an engine says that it lacks something, and how long work tells how far it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from dbmanager.errors import UnsupportedCapability


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A capability this engine (or this role, or this machine) does not have, and why."""

    reason: str


ValueT = TypeVar("ValueT")
FacetT = TypeVar("FacetT")


def need(facet: FacetT | Unsupported, object_name: str) -> FacetT:
    """Return the facet, or raise `UnsupportedCapability` with the reason why there is none."""
    if isinstance(facet, Unsupported):
        raise UnsupportedCapability(facet.reason, object_name=object_name)
    return facet


Progress = Callable[[float, float | None, str], Awaitable[None]]
"""Told `(done, total or None, message)` now and then during long work."""
