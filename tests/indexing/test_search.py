"""The search alone, over planners that are made up of drawn plans: what is proved there holds for any planner."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmanager.analyzers.indexing.bids import bits, mask
from dbmanager.analyzers.indexing.search import Choice, Search, Task

pytestmark = pytest.mark.anyio

Plans = list[list[tuple[float, frozenset[int]]]]
"""By query: plans with their cost and the candidates that they need. The first needs none."""


@st.composite
def workloads(draw: st.DrawFn) -> tuple[Plans, list[int], list[float], float]:
    candidates = draw(st.integers(1, 7))
    numbers = st.integers(0, candidates - 1)
    plans: Plans = []
    for _ in range(draw(st.integers(1, 5))):
        base = draw(st.floats(10, 1_000))
        found = [(base, frozenset[int]())]
        needs = draw(st.lists(st.frozensets(numbers, min_size=1, max_size=3), max_size=5))
        found += [(base * draw(st.floats(0.05, 1.0)), needed) for needed in needs]
        plans.append(found)
    sizes = draw(st.lists(st.integers(8_192, 1_000_000), min_size=candidates, max_size=candidates))
    weights = draw(st.lists(st.floats(0.1, 10), min_size=len(plans), max_size=len(plans)))
    return plans, sizes, weights, draw(st.floats(0, 1.2)) * sum(sizes)


def _cost(plans: list[tuple[float, frozenset[int]]], offered: frozenset[int]) -> tuple[float, frozenset[int]]:
    return min(
        ((cost, needed) for cost, needed in plans if needed <= offered), key=lambda one: (one[0], sorted(one[1]))
    )


def _total(plans: Plans, weights: list[float], chosen: frozenset[int]) -> float:
    return sum(_cost(own, chosen)[0] * weight for own, weight in zip(plans, weights, strict=True))


async def _searched(
    plans: Plans, sizes: list[int], weights: list[float], budget: float, *, writes: list[float] | None = None,
    calls_allowed: float = float("inf"),
) -> tuple[Choice, Search]:  # fmt: skip
    async def oracle(query: int, offered: list[int]) -> tuple[float, list[int]]:
        cost, used = _cost(plans[query], frozenset(offered))
        return cost, sorted(used)

    everything = range(len(sizes))
    task = Task(
        weights, [everything for _ in plans], sizes, writes or [0.0 for _ in sizes], budget, tables=[0 for _ in sizes]
    )
    search = Search(task, oracle, lambda: calls_allowed - search.calls)
    return await search.run(), search


@settings(max_examples=150, deadline=None)
@given(workloads())
async def test_what_is_chosen_fits_the_budget_and_costs_what_the_planner_says(
    drawn: tuple[Plans, list[int], list[float], float],
) -> None:
    plans, sizes, weights, budget = drawn
    choice, _ = await _searched(plans, sizes, weights, budget)
    assert sum(sizes[one] for one in choice.chosen) == choice.size_bytes <= budget
    assert choice.total == pytest.approx(_total(plans, weights, frozenset(choice.chosen)))
    assert choice.total <= _total(plans, weights, frozenset()) * (1 + 1e-9)


@settings(max_examples=150, deadline=None)
@given(workloads())
async def test_small_workloads_are_solved_as_well_as_by_trying_every_set(
    drawn: tuple[Plans, list[int], list[float], float],
) -> None:
    plans, sizes, weights, budget = drawn
    choice, _ = await _searched(plans, sizes, weights, budget)
    every = (frozenset(one) for size in range(len(sizes) + 1) for one in combinations(range(len(sizes)), size))
    best = min(_total(plans, weights, one) for one in every if sum(sizes[i] for i in one) <= budget)
    whole = _total(plans, weights, frozenset())
    assert choice.total <= best + whole * 0.05


@settings(max_examples=60, deadline=None)
@given(workloads(), st.integers(1, 40))
async def test_it_answers_whenever_the_time_is_up(
    drawn: tuple[Plans, list[int], list[float], float], calls: int
) -> None:
    plans, sizes, weights, budget = drawn
    choice, search = await _searched(plans, sizes, weights, budget, calls_allowed=calls)
    assert search.calls <= calls + len(plans), "the costs of today are asked for in any case"
    assert choice.size_bytes <= budget
    assert choice.total <= _total(plans, weights, frozenset()) * (1 + 1e-9)


async def test_an_index_that_costs_more_in_writes_than_it_saves_is_left_out() -> None:
    plans: Plans = [[(100.0, frozenset()), (10.0, frozenset((0,)))], [(100.0, frozenset()), (90.0, frozenset((1,)))]]
    choice, _ = await _searched(plans, [8_192, 8_192], [1.0, 1.0], float("inf"), writes=[20.0, 20.0])
    assert choice.chosen == (0,)


async def test_two_indexes_that_help_only_together_are_found() -> None:
    plans: Plans = [[(100.0, frozenset()), (5.0, frozenset((0, 3)))]]
    choice, _ = await _searched(plans, [8_192] * 5, [1.0], 20_000)
    assert choice.chosen == (0, 3)


async def test_one_great_index_is_found_beside_many_small_ones() -> None:
    """Choice by gain for each byte alone takes the small ones and has no room left."""
    queries: Plans = [
        [(100.0, frozenset()), (85.0, frozenset((number,))), (1.0, frozenset((5,)))] for number in range(5)
    ]
    choice, _ = await _searched(queries, [10_000] * 5 + [100_000], [1.0] * 5, 100_000)
    assert choice.chosen == (5,)


async def test_a_merged_index_takes_the_place_of_two() -> None:
    sizes, tables, writes = [50_000, 50_000], [0, 0], [0.0, 0.0]
    plans: Plans = [
        [(100.0, frozenset()), (10.0, frozenset((0,))), (12.0, frozenset((2,)))],
        [(100.0, frozenset()), (10.0, frozenset((1,))), (12.0, frozenset((2,)))],
    ]

    async def oracle(query: int, offered: list[int]) -> tuple[float, list[int]]:
        cost, used = _cost(plans[query], frozenset(offered))
        return cost, sorted(used)

    async def merge(first: int, second: int) -> int | None:
        if {first, second} != {0, 1}:
            return None
        if len(sizes) == 2:
            sizes.append(60_000)
            tables.append(0)
            writes.append(0.0)
        return 2

    search = Search(Task([1.0, 1.0], [[0, 1], [0, 1]], sizes, writes, 70_000, merge, (), tables), oracle, lambda: 1.0)
    assert (await search.run()).chosen == (2,)


def test_sets_are_numbers() -> None:
    assert mask([0, 3, 70]) == 1 | 8 | 1 << 70
    assert list(bits(1 | 8 | 1 << 70)) == [0, 3, 70]


async def test_time_that_is_up_before_all_were_asked_leaves_the_best_of_what_was_seen() -> None:
    plans: Plans = [[(100.0 * (query + 1), frozenset()), (1.0, frozenset((query,)))] for query in range(6)]
    choice, search = await _searched(plans, [10_000] * 6, [1.0] * 6, 1e6, calls_allowed=9)
    assert search.calls == 9
    assert choice.chosen, "six calls asked for the costs of today, three were left"
    assert choice.total < 2_100
