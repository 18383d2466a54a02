"""The facet that measures a server for its settings, and writes how a setting is changed."""

from __future__ import annotations

from typing import Protocol

from dbmanager.adapters.facets.capability import Unsupported
from dbmanager.model.changes import ChangeStep
from dbmanager.model.tuning import Measured, Recommendation, TuningRule


class Tuning(Protocol):
    """Rules over settings as data, and the figures that they judge."""

    def rules(self) -> tuple[TuningRule, ...]:
        """Return this engine's rules in id order."""
        ...

    async def measured(self) -> Measured | Unsupported:
        """Return counters and settings, `counted_since` and `system_memory_bytes` among them where they are told."""
        ...

    def steps(self, recommendation: Recommendation, measured: Measured) -> tuple[ChangeStep, ...]:
        """Return the steps that put a value in force, each with what undoes it; empty where only a person can."""
        ...

    def by_hand(self, recommendation: Recommendation, measured: Measured) -> str | None:
        """Return what a person has to write besides (a line of my.cnf), None where nothing is left."""
        ...

    def finish(self) -> tuple[ChangeStep, ...]:
        """Return the steps that follow all others once, such as a reload."""
        ...
