"""The sampled values of one column, prepared once for every judge."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dbmanager.model.queries import Cell

NEARLY_ALL = 0.9
"""Share of sampled values that must match: weak checksums pass a tenth of random numbers, so one hit is nothing."""
MAX_TEXTS = 120
MAX_LENGTH = 512
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
_HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128}", re.I)
_PERIOD = re.compile(r"(19|20)\d\d[-/. ](19|20)?\d\d|(Q[1-4]|H[12])[-/ ]?(19|20)\d\d")
_EPOCHS = ((1e8, 2.2e9), (6e11, 2.2e12))
_SPREAD = 60


@dataclass(frozen=True, slots=True)
class Values:
    """Texts of the sampled values, at most 120 and each at most 512 characters; never logged, never kept.

    Attributes:
        texts: the values that are plain (text, numbers), trimmed, without empty ones; different ones first.
        distinct: how many different ones there are.
        nested: values that are objects or lists.
        total: how many values were sampled, nulls left out.
        counts: how often each of the texts stands among them.
    """

    texts: tuple[str, ...]
    distinct: int
    nested: tuple[Cell, ...]
    total: int
    counts: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def of(cells: Sequence[Cell]) -> Values:
        """Prepare a column's values."""
        plain = [str(cell).strip()[:MAX_LENGTH] for cell in cells if not isinstance(cell, bool | dict | list)]
        texts = [text for text in plain if text]
        different = list(dict.fromkeys(texts))
        nested = [cell for cell in cells if isinstance(cell, dict | list)]
        if not nested and different and sum(text[0] in "{[" for text in different) >= NEARLY_ALL * len(different):
            nested = [parsed for text in plain if isinstance(parsed := _document(text), dict | list)]
        return Values(tuple(different[:MAX_TEXTS]), len(different), tuple(nested), len(cells), Counter(texts))

    def nearly_all(self, is_kind: Callable[[str], object], *, least: float = NEARLY_ALL) -> int:
        """Return how many values are of a kind, 0 when fewer than nearly all are; stops as soon as that is sure."""
        allowed = len(self.texts) * (1 - least)
        misses = 0
        for text in self.texts:
            if not is_kind(text):
                misses += 1
                if misses > allowed:
                    return 0
        return len(self.texts) - misses

    def share(self, is_kind: Callable[[str], object]) -> float:
        """Return the share of values of a kind."""
        return sum(1 for text in self.texts if is_kind(text)) / len(self.texts) if self.texts else 0.0

    def are_sequential(self) -> bool:
        """Whether whole numbers lie so close together that they were counted."""
        numbers = [int(text) for text in self.texts if text.isascii() and text.isdigit() and len(text) < _LONG]
        if len(numbers) < NEARLY_ALL * len(self.texts) or len(numbers) < _PLENTY:
            return False
        return max(numbers) - min(numbers) <= _SPREAD * len(numbers)

    def is_technical(self) -> bool:
        """Whether the values are identifiers or moments by their form, which no value pattern may claim."""
        return bool(
            self.nearly_all(_UUID.fullmatch)
            or self.nearly_all(_MOMENT.fullmatch)
            or self.nearly_all(_HASH.fullmatch)
            or self.nearly_all(_PERIOD.fullmatch)
            or self._are_epochs()
            or self.are_sequential()
        )

    def _are_epochs(self) -> bool:
        numbers = [float(text) for text in self.texts if text.isascii() and text.isdigit()]
        if len(numbers) < NEARLY_ALL * len(self.texts) or len(numbers) < _PLENTY:
            return False
        inside = any(all(low <= number <= high for number in numbers) for low, high in _EPOCHS)
        return inside and len({int(number / (10 ** (len(str(int(number))) - 3))) for number in numbers}) <= _SPREAD


def _document(text: str) -> Cell:
    try:
        parsed: Cell = json.loads(text)
    except ValueError:
        return None
    return parsed


_PLENTY = 8
_LONG = 16
