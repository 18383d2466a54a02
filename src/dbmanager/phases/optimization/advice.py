"""What index advice is asked and what it says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dbmanager.model.schema import Index, Table
from dbmanager.model.workload import Workload
from dbmanager.phases.optimization.dropping import Drop
from dbmanager.phases.optimization.measure import Measurement

USUAL_SECONDS = 15.0
USUAL_GAIN = 0.005


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of the workload: a statement with real values, how often it ran, and its measured time."""

    statement: str
    calls: int = 1
    mean_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What advice may cost.

    Attributes:
        budget_bytes: of all advised indexes together, as they will be on the disk; None for the usual share.
        seconds: of searching; the best set so far is the answer.
        least_gain_ratio: of the workload's cost; an index that saves less is not advised.
    """

    budget_bytes: int | None = None
    seconds: float = USUAL_SECONDS
    least_gain_ratio: float = USUAL_GAIN


USUAL = Bounds()


@dataclass(frozen=True, slots=True)
class Advice:
    """One index to make, and what the engine says it would do for which queries (by number, from 1).

    Attributes:
        needless: names of indexes that are there and serve nothing which this one does not.
    """

    table: Table
    index: Index
    queries: tuple[int, ...]
    size_bytes: int | None
    why: str = ""
    rows_written: float = 0.0
    needless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """What the whole set does to one query, by the planner."""

    number: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class AdviceReport:
    """Indexes to make, indexes that none of the queries used, and how the queries run today.

    Attributes:
        effects: by query, the planner's cost without and with the set; empty where rules alone decided.
        budget_bytes: what the set had to keep to.
        calls: how often the planner was asked.
        by_rule: indexes of kinds that nothing can cost before they are built; not in `create`.
        least_bytes: of the smallest candidate, where the budget is too small for any; else None.
        drops: what looks needless, and what came of trying to do without it; empty unless that was asked for.
    """

    create: tuple[Advice, ...]
    unused: tuple[tuple[Table, Index], ...]
    before: tuple[Measurement, ...]
    method: str
    effects: tuple[Effect, ...] = ()
    budget_bytes: int = 0
    size_bytes: int = 0
    calls: int = 0
    by_rule: tuple[Advice, ...] = ()
    least_bytes: int | None = None
    drops: tuple[Drop, ...] = ()


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """An answer on the way: how many indexes, and the share of the workload's cost that is left.

    Attributes:
        cost_ratio: None of an answer by rules alone, which a copy has still to be made for.
    """

    indexes: int
    cost_ratio: float | None
    size_bytes: int


Told = Callable[[FirstAnswer], Awaitable[None]]


def asked_of(workload: Workload, dialect: str) -> list[Asked]:
    """Return what a collected workload asks, the costliest first: reads with a real sample.

    PostgreSQL plans a whole statement without its values as well, for any of them.
    """
    found = []
    for statement in workload.statements:
        text = statement.samples[0] if statement.samples else statement.text if dialect == "postgres" else ""
        if statement.kind == "read" and text:
            found.append(Asked(text, statement.calls, statement.mean_ms))
    return found
