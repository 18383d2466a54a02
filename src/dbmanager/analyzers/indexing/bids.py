"""What is known of plans, and which set of candidates is best for all of them; nothing is asked here.

A plan seen is a bid: its cost, if the candidates that it used are there. Sets of candidates are integers, a bit for each.
"""

from __future__ import annotations

import random
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_ROUNDS_OF_REPAIR = 150
_GREAT = 12
_LEAST_BYTES = 8192


@dataclass(slots=True)
class Bids:
    """The bids of each query, the cheapest first.

    Attributes:
        weights: by query, what its cost is multiplied with.
        sizes: by candidate, bytes; grows with the candidates, as `writes`.
        writes: by candidate, what keeping it costs, in the unit of weighted cost.
        least_gain: of the workload's cost; what saves less is not worth having.
    """

    weights: Sequence[float]
    sizes: Sequence[int]
    writes: Sequence[float]
    budget: float
    least_gain: float
    base: list[float] = field(default_factory=list)
    by_query: list[list[tuple[float, int]]] = field(default_factory=list)
    _touched: dict[int, int] = field(default_factory=dict)
    _random: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        self.base = [0.0 for _ in self.weights]
        self.by_query = [[] for _ in self.weights]

    def note(self, query: int, cost: float, used: int) -> None:
        """Keep a bid that no other makes needless, and drop those that it makes needless."""
        bids = self.by_query[query]
        if any(known <= cost and not other & ~used for known, other in bids):
            return
        bids[:] = [(known, other) for known, other in bids if known < cost or used & ~other]
        insort(bids, (cost, used))
        for one in bits(used):
            self._touched[one] = self._touched.get(one, 0) | 1 << query

    def cost(self, query: int, chosen: int) -> float:
        """Return the least cost of a plan seen that needs nothing else."""
        return next((cost for cost, used in self.by_query[query] if not used & ~chosen), self.base[query])

    def winner(self, query: int, chosen: int) -> int:
        """Return what that plan uses."""
        return next((used for _, used in self.by_query[query] if not used & ~chosen), 0)

    def total(self, costs: Sequence[float], chosen: int) -> float:
        """Return the weighted costs with what keeping the set costs."""
        total = sum(cost * weight for cost, weight in zip(costs, self.weights, strict=True))
        return total + sum(self.writes[one] for one in bits(chosen))

    def known(self, chosen: int) -> float:
        """Return the total of a set by what is known: it costs no more than that."""
        return self.total([self.cost(query, chosen) for query in range(len(self.base))], chosen)

    def size(self, chosen: int) -> int:
        """Return the bytes of a set."""
        return sum(self.sizes[one] for one in bits(chosen))

    def promising(self, without: int = 0) -> list[int]:
        """Return the candidates that some plan used, the most useful for their bytes first."""
        worth: dict[int, float] = {}
        for query, plans in enumerate(self.by_query):
            for cost, used in plans:
                gain = (self.base[query] - cost) * self.weights[query] / max(1, used.bit_count())
                for one in bits(used & ~without):
                    worth[one] = max(worth.get(one, 0.0), gain / max(self.sizes[one], _LEAST_BYTES))
        return sorted(worth, key=lambda one: (-worth[one], one))

    def choose(self, best: int, remaining: Callable[[], float], rounds: int = _ROUNDS_OF_REPAIR) -> int:
        """Return the best set: greedy from several starts, then torn down in part and chosen anew."""
        options = list(dict.fromkeys(used for plans in self.by_query for _, used in plans if used))
        chosen = min((self._greedy(start, options) for start in (0, best, *self._great())), key=self.known)
        known = self.known(chosen)
        for _ in range(rounds):
            if not chosen or remaining() <= 0:
                break
            members = list(bits(chosen))
            out = self._random.sample(members, k=min(len(members), self._random.randint(1, 4)))
            banned = 1 << out[0] if self._random.random() < 0.7 else 0
            again = self._greedy(chosen & ~mask(out), [one for one in options if not one & banned])
            total = self.known(again)
            if total < known:
                chosen, known = again, total
        return chosen

    def pruned(self, chosen: int) -> int:
        """Return a set without what, by what is known, saves less than is asked for, the least useful dropped first."""
        floor = self.total(self.base, 0) * self.least_gain
        while chosen:
            total = self.known(chosen)
            lost, least = min((self.known(chosen & ~(1 << one)) - total, one) for one in bits(chosen))
            if lost >= floor:
                break
            chosen &= ~(1 << least)
        return chosen

    def _great(self) -> list[int]:
        """Return large candidates to begin with: choice per byte comes to them too late."""
        fits = [one for one in self.promising() if self.budget * 0.1 < self.sizes[one] <= self.budget]
        return [1 << one for one in fits[:_GREAT]]

    def _greedy(self, chosen: int, options: Sequence[int]) -> int:
        """Add the option of most gain for its bytes until none fits or pays; gains are looked at anew lazily."""
        size = self.size(chosen)
        costs = [self.cost(query, chosen) for query in range(len(self.base))]
        floor = self.total(self.base, 0) * self.least_gain
        waiting = [(float("inf"), option) for option in options]
        while waiting:
            best_ratio, best_added, left = 0.0, 0, []
            for position, (bound, option) in enumerate(waiting):
                if best_added and bound <= best_ratio:
                    left += waiting[position:]
                    break
                added = option & ~chosen
                extra = self.size(added)
                if not added or size + extra > self.budget:
                    continue
                gain = self._gain(costs, chosen | added, added)
                ratio = gain / max(extra, _LEAST_BYTES)
                if ratio > 0:
                    left.append((ratio, option))
                if gain > floor and ratio > best_ratio:
                    best_ratio, best_added = ratio, added
            if not best_added:
                break
            chosen |= best_added
            size += self.size(best_added)
            for query in bits(self._queries(best_added)):
                costs[query] = min(costs[query], self.cost(query, chosen))
            left.sort(key=lambda one: -one[0])
            waiting = [(bound * 2, option) for bound, option in left]
        return chosen

    def _queries(self, added: int) -> int:
        found = 0
        for one in bits(added):
            found |= self._touched.get(one, 0)
        return found

    def _gain(self, costs: Sequence[float], whole: int, added: int) -> float:
        gain = 0.0
        for query in bits(self._queries(added)):
            now = costs[query]
            for cost, used in self.by_query[query]:
                if cost >= now:
                    break
                if not used & ~whole:
                    gain += (now - cost) * self.weights[query]
                    break
        return gain - sum(self.writes[one] for one in bits(added))


def mask(numbers: Iterable[int]) -> int:
    """Return the set of these numbers."""
    found = 0
    for number in numbers:
        found |= 1 << number
    return found


def bits(chosen: int) -> Iterator[int]:
    """Yield the numbers of a set, the least first."""
    while chosen:
        lowest = chosen & -chosen
        yield lowest.bit_length() - 1
        chosen ^= lowest
