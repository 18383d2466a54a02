"""What is new, gone, better or worse between two reviews of a database."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Literal

MOVED = 1.5
"""A statement's mean time, and what an index would save, count as changed by half as much again; rounding does not."""
STATEMENT, INDEX, SETTING = "statement", "index", "setting"

Way = Literal["worse", "new", "better", "gone"]
WAYS: Sequence[Way] = ("worse", "new", "better", "gone")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a review says, by which the next one is compared.

    Attributes:
        kind: the id of a check, or `index`, `setting`, `statement`.
        object: of the finding; the index's table and keys; the setting; the statement's fingerprint.
        figure: what is worse the higher it is; None where there is none.
    """

    kind: str
    object: str
    figure: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What it has in common with the same fact at another time."""
        return self.kind, self.object


@dataclass(frozen=True, slots=True)
class Change:
    """How a fact stands against the last review."""

    way: Way
    now: Fact
    before: float | None = None


def compared(before: Sequence[Fact], now: Sequence[Fact], looked: Set[str]) -> tuple[Change, ...]:
    """Return what changed, by way, kind and object; kinds that were not looked at this time are never called gone.

    A statement that is there or not is no fault: of statements only their time is compared.
    """
    old = {fact.key: fact for fact in before}
    new = {fact.key: fact for fact in now}
    found = [
        *(Change("new", fact) for key, fact in new.items() if key not in old and fact.kind != STATEMENT),
        *(Change("gone", fact) for key, fact in old.items() if key not in new and fact.kind in looked - {STATEMENT}),
        *(moved for key, fact in new.items() if key in old and (moved := _moved(old[key], fact)) is not None),
    ]
    return tuple(sorted(found, key=lambda one: (WAYS.index(one.way), *one.now.key)))


def _moved(before: Fact, now: Fact) -> Change | None:
    old, new = before.figure, now.figure
    if old is None or new is None or old == new:
        return None
    ratio = MOVED if now.kind in (STATEMENT, INDEX) else 1.0
    if new > old * ratio:
        return Change("worse", now, old)
    return Change("better", now, old) if old > new * ratio else None
