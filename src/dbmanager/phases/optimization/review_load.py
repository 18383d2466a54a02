"""What a review says of the load: which statements became slower or faster, and which indexes the load wants by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import anyio

from dbmanager.adapters.facets import Adapter
from dbmanager.analyzers.reviewing.comparison import INDEX, STATEMENT, Fact
from dbmanager.analyzers.workload.difference import LEAST_CALLS, difference
from dbmanager.analyzers.workload.gathering import reading_of
from dbmanager.errors import DbManagerError
from dbmanager.model.changes import ChangeStep
from dbmanager.model.workload import Workload
from dbmanager.phases.optimization.advise import Advice, AdviceReport, Asked, Bounds, advise, asked_of
from dbmanager.phases.optimization.index_changes import index_plan
from dbmanager.phases.optimization.workload import collect
from dbmanager.services.container import Services
from dbmanager.services.index_trials import IndexTrials

SEARCH_SECONDS, WHOLE_SECONDS = 15.0, 90.0
"""Of the search, and of everything that a review does about the load: sampled copies take their time."""
LEAST_PERIOD_SECONDS = 3_600.0
"""A shorter time since the last snapshot says too little; then all that the counters hold is the load."""
MOST_QUERIES = 50


@dataclass(frozen=True, slots=True)
class LoadReview:
    """What the load says: facts to compare, a line each for people, and the steps that make the advised indexes."""

    facts: tuple[Fact, ...]
    texts: Mapping[str, str]
    lines: tuple[str, ...]
    steps: tuple[ChangeStep, ...]
    is_advised: bool = False


async def review_load(
    services: Services, adapter: Adapter, connection: str, not_run: dict[str, str]
) -> LoadReview | None:
    """Collect the workload, keep it, and advise indexes for what was asked since the last one that was kept.

    Nothing is executed: the planner is asked, or a sampled copy. Bounded to 90 s. What can't be done stands in `not_run`.
    """
    try:
        with anyio.fail_after(WHOLE_SECONDS):
            return await _looked(services, adapter, connection, not_run)
    except DbManagerError as problem:
        not_run["workload and index advice"] = problem.sentence()
    except TimeoutError:
        not_run["workload and index advice"] = f"it took more than {WHOLE_SECONDS:.0f} s; advise_indexes takes longer"
    return None


async def _looked(services: Services, adapter: Adapter, connection: str, not_run: dict[str, str]) -> LoadReview:
    workload = await collect(adapter, connection)
    known = await services.workloads.latest(connection, workload.source)
    await services.workloads.keep(connection, workload, adapter.dialect)
    changed = difference(known[1], workload) if known is not None else None
    recent = changed is not None and changed.seconds >= LEAST_PERIOD_SECONDS
    judged = changed.period if changed is not None and recent else workload
    texts = {one.fingerprint: reading_of(one.text, adapter.dialect).shown[:160] for one in workload.statements}
    facts = _means(changed.period if changed is not None else workload)
    asked = asked_of(judged, adapter.dialect)[:MOST_QUERIES]
    if not asked:
        not_run["index advice"] = "the workload holds no read that can be planned"
        return LoadReview(facts, texts, (), ())
    trials = IndexTrials(services.scratches, connection, adapter)
    report = await advise(adapter, asked, trials, bounds=Bounds(seconds=SEARCH_SECONDS), measured=False)
    plan = await index_plan(adapter, connection, [(one.table, one.index) for one in report.create], (), "review")
    shown = [reading_of(one.statement, adapter.dialect).shown[:160] for one in asked]
    since = "since the last snapshot" if recent else "since the counters began"
    planned = f"{len(report.effects)} of {len(asked)}" if report.effects else f"{len(asked)}"
    head = f"Indexes for {planned} statements asked {since}, by {report.method}: {len(report.create)}."
    return LoadReview(
        (*facts, *(Fact(INDEX, index_name(one), _saved(one, report, asked)) for one in report.create)), texts,
        (head, *(_line(one, report, asked, shown) for one in report.create)), plan.steps, True,
    )  # fmt: skip


def _means(workload: Workload) -> tuple[Fact, ...]:
    """Return the mean time of every statement that ran often enough to have one."""
    return tuple(
        Fact(STATEMENT, one.fingerprint, round(one.mean_ms, 3))
        for one in workload.statements
        if one.mean_ms and one.calls >= LEAST_CALLS
    )


def index_name(one: Advice) -> str:
    """Return what an advised index is on; its own name says less, and is not the same at another time."""
    where = f" where {one.index.where}" if one.index.where else ""
    return f"{one.table.name}({', '.join(key.name for key in one.index.keys)}){where}"


def _saved(one: Advice, report: AdviceReport, asked: Sequence[Asked]) -> float | None:
    """Return which part of its queries' cost the set saves, by how often they ran; None where rules alone decided."""
    own = [effect for effect in report.effects if effect.number in one.queries]
    before = sum(effect.before * asked[effect.number - 1].calls for effect in own)
    after = sum(effect.after * asked[effect.number - 1].calls for effect in own)
    return round(1 - after / before, 2) if before else None


def _line(one: Advice, report: AdviceReport, asked: Sequence[Asked], shown: Sequence[str]) -> str:
    saved = _saved(one, report, asked)
    gain = f", whose cost falls by {saved:.0%}" if saved is not None else ""
    return f"- {index_name(one)}: for {len(one.queries)} statements{gain}, the costliest: `{shown[one.queries[0] - 1]}`"
