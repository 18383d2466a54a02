"""Settings that should be other than they are: rules, each with the counter it was measured by, and what they propose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dbmanager.model.changes import ChangeStep
from dbmanager.model.queries import Cell

Takes = Literal["at once", "reload", "restart", "new connections"]
KB, MB, GB = 1024, 1024**2, 1024**3


@dataclass(frozen=True, slots=True)
class Machine:
    """What the database server has; None where nobody told and nothing could be asked.

    Attributes:
        source: who told, for people to read.
    """

    memory_bytes: int | None = None
    cores: float | None = None
    source: str = "unknown: the server is on another machine; tell memory_bytes and cores"


class Measured:
    """Counters and settings of a server by name. A missing figure counts as 0; `missing` tells which are.

    `unknown` says of settings why the server's own value can't be told.
    """

    def __init__(
        self,
        figures: Mapping[str, Cell],
        rows: Mapping[str, tuple[Mapping[str, Cell], ...]] | None = None,
        unknown: Mapping[str, str] | None = None,
    ) -> None:
        self.figures = figures
        self._rows = rows or {}
        self.unknown = unknown or {}

    def __getitem__(self, name: str) -> float:
        try:
            return float(str(self.figures.get(name, 0)))
        except ValueError:
            return 0.0

    def text(self, name: str) -> str:
        """Return a setting as it is written; empty where there is none of that name."""
        value = self.figures.get(name)
        return "" if value is None else str(value)

    def rows(self, name: str) -> tuple[Mapping[str, Cell], ...]:
        """Return figures that come per object, such as tables."""
        return self._rows.get(name, ())

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return the names that the server did not tell."""
        return [name for name in names if self.figures.get(name) is None and name not in self._rows]


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a rule's judge returns: a value for the setting, of the whole server or of one object.

    Attributes:
        value: as the engine writes it.
        current: as it is now.
        figures: what was measured of this very object; the rule's counters when left out.
        needs: what would have to be known to propose a value; then there is none.
    """

    value: str = ""
    current: str = ""
    object_name: str = ""
    figures: Mapping[str, Cell] = field(default_factory=dict)
    needs: str = ""


Judge = Callable[[Measured, Machine], Iterable[Proposed]]


@dataclass(frozen=True, slots=True)
class TuningRule:
    """One rule as data. Without a counter there is no rule: advice from formulas over memory alone is refused.

    Attributes:
        id: engine letters, `T` and a number (`PT-01`), never reused.
        formula: how the value comes from the counters, in words.
        counters: names of the figures it was measured by; at least one.
        effect: what is expected, and what it costs.
        takes: when the value is in force.
        is_advice: whether nothing can be written for it on the server; the application or a file must have it.
    """

    id: str
    setting: str
    formula: str
    source: str
    counters: tuple[str, ...]
    effect: str
    takes: Takes
    judge: Judge
    is_advice: bool = False

    def __post_init__(self) -> None:
        missing = [name for name in ("id", "setting", "formula", "source", "effect") if not getattr(self, name).strip()]
        if not self.counters or not all(name.strip() for name in self.counters):
            missing.append("a measured counter")
        if missing:
            raise ValueError(f"tuning rule {self.id or '?'} lacks {', '.join(missing)}")

    def recommendations(self, measured: Measured, machine: Machine) -> list[Recommendation]:
        """Judge what was measured; the counters stand in each result."""
        cited = {name: measured.figures.get(name) for name in self.counters if name in measured.figures}
        return [Recommendation(self, one, {**cited, **one.figures}) for one in self.judge(measured, machine)]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A value proposed for one setting, with what was measured."""

    rule: TuningRule
    proposed: Proposed
    evidence: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class TuningReport:
    """What is proposed, which rules found nothing, and which could not be judged and why."""

    recommendations: tuple[Recommendation, ...]
    silent: tuple[str, ...]
    not_run: Mapping[str, str]
    machine: Machine
    counted_since: str
    steps: tuple[ChangeStep, ...] = ()
    by_hand: tuple[str, ...] = ()


def rules(*given: TuningRule) -> tuple[TuningRule, ...]:
    """Gather rules; a duplicate id fails at import."""
    ids = [rule.id for rule in given]
    duplicates = {id_ for id_ in ids if ids.count(id_) > 1}
    if duplicates:
        raise ValueError(f"duplicate tuning rules: {', '.join(sorted(duplicates))}")
    return given


def rounded(size_bytes: float, step: int = MB) -> int:
    """Return a size rounded up to whole steps."""
    return max(1, -(-int(size_bytes) // step)) * step


def in_megabytes(size_bytes: float) -> str:
    """Return a size as PostgreSQL writes it."""
    return f"{rounded(size_bytes) // MB}MB"
