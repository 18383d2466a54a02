"""A server's counters and settings as one row of facts, read by name."""

from __future__ import annotations

from collections.abc import Mapping

from dbmanager.model.queries import Cell


class Counters:
    """Figures and words by name; a missing or wordy figure counts as 0."""

    def __init__(self, row: Mapping[str, Cell]) -> None:
        self._row = row

    def __getitem__(self, name: str) -> float:
        try:
            return float(str(self._row.get(name, 0)))
        except ValueError:
            return 0.0

    def text(self, name: str) -> str:
        """Return a setting as it is written; empty where the server has none of that name."""
        return str(self._row.get(name, ""))
