"""Scores the classifier against what the columns truly are: a column is found when a label would mask it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from dbmanager.analyzers.classification.classify import classify_table
from dbmanager.analyzers.classification.kinds import KINDS
from dbmanager.analyzers.classification.names import kind_of_name
from dbmanager.model.classification import Label, Level
from tests.classification.labelled import Style, real_names, tables

_HARMLESS = (Level.PUBLIC, Level.INTERNAL)


@dataclass(frozen=True, slots=True)
class Judged:
    """One column: where it stands, what it is, and what was said of it (None: harmless)."""

    place: str
    is_kind: str | None
    said: str | None
    note: str


@dataclass(slots=True)
class Score:
    """Figures over columns; rates are 0-1. A table that could not be classified counts as one with no labels."""

    judged: list[Judged] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def hits(self) -> list[Judged]:
        return [one for one in self.judged if one.is_kind and one.said]

    @property
    def misses(self) -> list[Judged]:
        return [one for one in self.judged if one.is_kind and not one.said]

    @property
    def false_hits(self) -> list[Judged]:
        return [one for one in self.judged if one.said and not one.is_kind]

    @property
    def precision(self) -> float:
        return len(self.hits) / max(1, len(self.hits) + len(self.false_hits))

    @property
    def recall(self) -> float:
        return len(self.hits) / max(1, len(self.hits) + len(self.misses))

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(1e-9, self.precision + self.recall)

    @property
    def exact_recall(self) -> float:
        """Share of the sensitive columns that were called by their own kind."""
        exact = sum(one.said == one.is_kind for one in self.hits)
        return exact / max(1, len(self.hits) + len(self.misses))

    @property
    def milliseconds(self) -> float:
        """Time per column."""
        return 1_000 * self.seconds / max(1, len(self.judged))


def masks(label: Label | None) -> bool:
    """Whether a label is sure and high enough for its column to be masked."""
    return label is not None and label.certainty in ("certain", "likely") and label.level not in _HARMLESS


def score_style(style: Style) -> Score:
    """Classify every labelled table under a style of names."""
    score = Score()
    for one in tables(style):
        start = time.perf_counter()
        try:
            labels = {label.column: label for label in classify_table(one.table, one.sample)}
        except Exception as failed:
            labels = {}
            score.crashes.append(f"{one.table.name}: {failed!r}")
        score.seconds += time.perf_counter() - start
        for column, kind in one.kinds.items():
            # A path below a document (`payload.user.email`) masks the document's column.
            below = [label for name, label in labels.items() if name == column or name.startswith(f"{column}.")]
            label = next((label for label in below if masks(label)), None)
            place = f"{one.table.name}.{column}"
            note = f"{one.generators[column]}, e.g. {one.sample.values(column)[:2]}"
            note += (
                f"; labels {[(it.column, it.type, it.certainty, dict(it.evidence)) for it in below]}" if below else ""
            )
            score.judged.append(Judged(place, kind, label.type if label else None, note))
    return score


def score_names() -> Score:
    """Ask for the kind of each real name, without values."""
    score = Score()
    for table, column, kind in real_names():
        start = time.perf_counter()
        said = kind_of_name(table, column)
        score.seconds += time.perf_counter() - start
        level = KINDS[said].level if said else Level.PUBLIC
        score.judged.append(Judged(f"{table}.{column}", kind, said if level not in _HARMLESS else None, said or ""))
    return score
