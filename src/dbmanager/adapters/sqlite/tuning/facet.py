"""Measures a SQLite file for its settings, and writes the step that changes the one that stays with the file."""

from __future__ import annotations

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.sqlite.session import Handle, Sessions
from dbmanager.adapters.sqlite.tuning.rules import RULES
from dbmanager.model.changes import ChangeStep, Probe
from dbmanager.model.queries import Cell
from dbmanager.model.tuning import Measured, Recommendation, TuningRule

PRAGMAS = ("page_count", "page_size", "freelist_count", "journal_mode")


class SqliteTuning:
    """The `Tuning` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def rules(self) -> tuple[TuningRule, ...]:
        """Return the rules in id order."""
        return RULES

    async def measured(self) -> Measured | Unsupported:
        """Read the file's header; what a connection of the application has set nobody else can see."""

        def look(handle: Handle) -> dict[str, Cell]:
            return {name: handle.raw.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS}

        return Measured({**await self._sessions.read(look, timeout_seconds=10), "counted_since": "now"})

    def steps(self, recommendation: Recommendation, measured: Measured) -> tuple[ChangeStep, ...]:
        """Return the PRAGMA of the journal."""
        value, known = recommendation.proposed.value, recommendation.proposed.current
        return (
            ChangeStep(
                title=f"journal_mode: {known} becomes {value}", statement=f"PRAGMA journal_mode = {value}", access="admin",
                lock="the file, for a moment", transactional=False, inverse=(f"PRAGMA journal_mode = {known}",),
                postcondition=Probe(statement="SELECT journal_mode FROM pragma_journal_mode", expected=value.lower()),
            ),
        )  # fmt: skip

    def by_hand(self, recommendation: Recommendation, measured: Measured) -> str | None:
        """Return what the application has to run in each of its connections."""
        if not recommendation.rule.is_advice:
            return None
        return f"In each connection of the application: PRAGMA {recommendation.rule.setting} = {recommendation.proposed.value}"

    def finish(self) -> tuple[ChangeStep, ...]:
        """Return nothing."""
        return ()
