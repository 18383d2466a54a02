"""Chooses indexes for a whole workload under a budget of bytes, and has an answer at any time.

What-if calls are what costs. Three things save them. A plan that used only some of the offered indexes would be chosen
from any smaller offer that still holds these, so its cost is known there (used-set inference; Finkelstein et al. 1988,
Schlosser et al. 2019). Every plan seen is a bid: its cost, if its indexes are there; the best set for all bids is found
without asking (Dash et al., CoPhy, 2011), by greedy choice per byte and then by tearing down and choosing anew. What the
planner is asked next is what could change that choice: the queries' next best plans, parts of what they use, and what
one index more, less or merged would do to the set at hand.

Sets of candidates are integers, one bit for each.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from dbmanager.analyzers.indexing.bids import Bids, bits, mask

Planned = tuple[float, int]
Oracle = Callable[[int, list[int]], Awaitable[tuple[float, list[int]]]]
"""Asks the planner: query number and offered candidates in, cost and used candidates out."""

NEGLIGIBLE_RATIO = 0.0005
"""Of the workload's cost: an index that saves less is not worth having."""
_SHARES = (1.0, 0.5, 0.25, 0.12, 0.06, 0.03)
"""Offers are made of candidates up to these shares of the budget, so that small indexes are met beside great ones."""
_SOON, _QUICK_ROUNDS = 5, 15
"""After so many queries, those of most weight, a better answer is given with little thought."""
_IDLE_ROUNDS = 12
"""So many rounds of drawn offers that find nothing better end the search."""


class OutOfTime(Exception):
    """The time is up; the answer so far stands. Internal."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be chosen from.

    Attributes:
        weights: by query, what its planner cost is multiplied with.
        relevant: by query, the candidates that may serve it.
        sizes: by candidate, bytes.
        writes: by candidate, what keeping it costs, in the unit of weighted cost.
        budget: bytes, or infinity.
        merge: makes one candidate of two and adds it to `sizes` and `writes`; None where they don't go together.
        wide: candidates that hold what several queries read; beside narrow ones the planner never takes them.
        tables: by candidate, a number for its table.
    """

    weights: Sequence[float]
    relevant: Sequence[Sequence[int]]
    sizes: Sequence[int]
    writes: Sequence[float]
    budget: float
    merge: Callable[[int, int], Awaitable[int | None]] | None = None
    wide: Sequence[int] = ()
    tables: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A set of candidates and what it gives.

    Attributes:
        costs: by query, the planner's cost with the set.
        total: weighted costs and writes.
    """

    chosen: tuple[int, ...]
    costs: tuple[float, ...]
    total: float
    size_bytes: int


@dataclass(slots=True)
class Search:
    """One run; `calls` counts how often the planner was asked."""

    task: Task
    oracle: Oracle
    remaining: Callable[[], float]
    on_better: Callable[[Choice], Awaitable[None]] | None = None
    least_gain: float = NEGLIGIBLE_RATIO
    calls: int = 0
    asked: int = 0
    _known: Bids = field(init=False)
    _relevant: list[int] = field(default_factory=list)
    _wide: int = 0
    _seen: list[list[tuple[int, int, float]]] = field(default_factory=list)
    _exact: list[dict[int, Planned]] = field(default_factory=list)
    _best: int = 0
    _best_total: float = 0.0
    _random: random.Random = field(default_factory=lambda: random.Random(7))

    async def run(self) -> Choice:
        """Return the best set found before the time is up or nothing better is found."""
        task, queries = self.task, range(len(self.task.weights))
        self._relevant, self._wide = [mask(found) for found in self.task.relevant], mask(self.task.wide)
        self._known = Bids(task.weights, task.sizes, task.writes, task.budget, self.least_gain)
        self._seen, self._exact = [[] for _ in queries], [{} for _ in queries]
        for query in queries:
            self.base[query] = (await self._ask(query, 0))[0]
        self._best_total = self._known.total(self.base, 0)
        try:
            await self._first()
            await self._explore()
            await self._refine()
        except OutOfTime:
            self._take_known()
        self._best = self._known.pruned(self._best)
        return self._choice()

    @property
    def base(self) -> list[float]:
        """By query, the cost without any candidate."""
        return self._known.base

    def users(self, candidate: int) -> list[int]:
        """Return the queries whose plan with the best set reads a candidate."""
        return [query for query in range(len(self.base)) if self._known.winner(query, self._best) >> candidate & 1]

    def _choice(self) -> Choice:
        costs = [self._known.cost(query, self._best) for query in range(len(self.base))]
        return Choice(
            tuple(bits(self._best)), tuple(costs), self._known.total(costs, self._best), self._known.size(self._best)
        )

    # what is asked

    async def _first(self) -> None:
        """Offer each query what is small, then everything that fits; what its plans take is a first answer."""
        for query in self._by_weight():
            for share in (0.25, 1.0):
                await self._offer(query, self._small(query, share), rounds=1)
        await self._take(self._known.choose(self._best, self.remaining))

    async def _explore(self) -> None:
        """Learn the next best plans of each query, and what parts of their indexes are worth."""
        for position, query in enumerate(self._by_weight()):
            if position == _SOON:
                await self._take(self._known.choose(self._best, self.remaining, rounds=_QUICK_ROUNDS))
            for share in _SHARES:
                await self._offer(query, self._small(query, share), rounds=2)
            narrow = self._relevant[query] & ~self._wide
            _, used = await self._ask(query, narrow)
            for one in bits(used):
                await self._offer(query, narrow & ~(1 << one), rounds=1)
            await self._parts(query)
        await self._settle()
        await self._widen()
        await self._settle()

    async def _widen(self) -> None:
        """Offer wide indexes in place of a table's narrow ones, and ask every query what one that was taken does."""
        taken = 0
        for query in self._by_weight():
            for table in {self.task.tables[one] for one in bits(self._relevant[query] & self._wide)}:
                here = mask(one for one in bits(self._relevant[query]) if self.task.tables[one] == table)
                for share in (1.0, 0.5, 0.25):
                    offer = self._small(query, share) & ~here | self._small(query, share, self._wide) & here
                    taken |= (await self._ask(query, offer))[1]
        for one in bits(taken & self._wide):
            for query, found in enumerate(self._relevant):
                if found >> one & 1:
                    same = mask(other for other in bits(found) if self.task.tables[other] == self.task.tables[one])
                    await self._ask(query, 1 << one)
                    await self._ask(query, self._known.by_query[query][0][1] & ~same | 1 << one)
                    await self._ask(query, self._best & ~same | 1 << one)

    async def _refine(self) -> None:
        """Look around the best set until nothing better turns up."""
        idle = 0
        while idle < _IDLE_ROUNDS:
            before = self._best_total
            await self._neighbours()
            await self._settle()
            if idle or self._best_total >= before * (1 - NEGLIGIBLE_RATIO):
                await self._merges()
                await self._settle()
                for query in self._by_weight():
                    for share in _SHARES:
                        await self._offer(query, self._best | self._some(query, share), rounds=1)
                    await self._parts(query)
                await self._settle()
            idle = 0 if self._best_total < before * (1 - NEGLIGIBLE_RATIO) else idle + 1

    async def _settle(self) -> None:
        """Choose by what is known and ask what that really gives, until asking brings nothing new."""
        for _ in range(4):
            if not await self._take(self._known.choose(self._best, self.remaining)):
                return

    async def _neighbours(self) -> None:
        """Ask what each index of the best set is worth in it, and what each other one would add."""
        best = self._best
        for one in bits(best):
            await self._ask_all(best & ~(1 << one), touching=1 << one)
        for one in self._known.promising(best):
            if self.task.sizes[one] <= self.task.budget:
                await self._ask_all(best | 1 << one, touching=1 << one)

    async def _merges(self) -> None:
        """Ask what one index in place of two does; offered beside the two it is never taken, being larger."""
        if self.task.merge is None:
            return
        best = self._best
        others = self._known.promising(best)
        for first in list(bits(best)):
            for second in [*bits(best), *others]:
                made = await self.task.merge(first, second) if first != second else None
                if made is None or best >> made & 1:
                    continue
                pair = 1 << first | 1 << second
                for query, found in enumerate(self._relevant):
                    if found & pair:
                        self._relevant[query] = found | 1 << made
                await self._ask_all(best & ~pair | 1 << made, touching=pair)

    async def _parts(self, query: int) -> None:
        """Ask what parts of the sets that plans use are worth: each index alone, and all but one."""
        for _, used in list(self._known.by_query[query]):
            for one in bits(used):
                await self._ask(query, 1 << one)
                await self._ask(query, used & ~(1 << one))

    async def _offer(self, query: int, offer: int, *, rounds: int) -> None:
        """Let the planner take from an offer, then from what it left."""
        for _ in range(rounds):
            cost, used = await self._ask(query, offer)
            if not used or cost >= self.base[query] * (1 - NEGLIGIBLE_RATIO):
                return
            offer &= ~used

    async def _ask_all(self, chosen: int, *, touching: int) -> None:
        for query, found in enumerate(self._relevant):
            if found & touching:
                await self._ask(query, chosen)

    async def _ask(self, query: int, offered: int) -> Planned:
        """Return the cost and the used set; the planner is asked only where it can't be inferred.

        Raises: OutOfTime.
        """
        self.asked += 1
        offer = offered & self._relevant[query]
        found = self._exact[query].get(offer)
        if found is None:
            for larger, used, cost in self._seen[query]:
                if not used & ~offer and not offer & ~larger:
                    found = cost, used
                    break
        if found is None:
            if offer and self.remaining() <= 0:
                raise OutOfTime
            self.calls += 1
            cost, names = await self.oracle(query, list(bits(offer)))
            found = cost, mask(names)
            self._seen[query].append((offer, found[1], cost))
            self._known.note(query, cost, found[1])
        self._exact[query][offer] = found
        return found

    async def _take(self, chosen: int) -> bool:
        """Ask what a set really gives, drop what is of no use in it, and keep it when it is better."""
        planned = [await self._ask(query, chosen) for query in range(len(self.base))]
        useful = 0
        for _, used in planned:
            useful |= used
        total = self._known.total([cost for cost, _ in planned], useful)
        if total >= self._best_total:
            return False
        self._best, self._best_total = useful, total
        if self.on_better is not None:
            await self.on_better(self._choice())
        return True

    def _take_known(self) -> None:
        """Keep the best set for the plans seen, where that is better; it costs no more than they say."""
        chosen = self._known.choose(self._best, self.remaining)
        if self._known.known(chosen) < self._best_total:
            self._best, self._best_total = chosen, self._known.known(chosen)

    def _by_weight(self) -> list[int]:
        return sorted(range(len(self.base)), key=lambda query: -self.base[query] * self.task.weights[query])

    def _small(self, query: int, share: float, among: int | None = None) -> int:
        """Return the query's candidates up to a share of the budget; the narrow ones unless others are named."""
        limit = min(self.task.budget, float(sum(self.task.sizes))) * share
        pool = self._relevant[query] & (~self._wide if among is None else among)
        return mask(one for one in bits(pool) if self.task.sizes[one] <= limit)

    def _some(self, query: int, share: float) -> int:
        """Draw a part of the small candidates."""
        kept = self._random.choice((0.15, 0.3, 0.6))
        return mask(one for one in bits(self._small(query, share)) if self._random.random() < kept)
