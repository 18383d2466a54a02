"""Key patterns: a key-value store's keys, told apart by their fixed parts (`user:*:cart`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

HARD = ":/|#"
"""What separates the parts of a key; `*` in a pattern stands for a part or a piece of one, never for a separator."""
ANY = "*"
"""The pattern of keys that fit no other."""
KEY, TYPE, TTL, FIELD, VALUE, SCORE, ID = "key", "type", "ttl_seconds", "field", "value", "score", "id"
RESERVED = frozenset((KEY, TYPE, TTL, FIELD, VALUE, SCORE, ID))
_SEPARATOR = re.compile(f"([{HARD}])")


def field_column(field: str) -> str:
    """Return the column that stands for a hash field."""
    return f"{field} (field)" if field in RESERVED else field


def json_column(name: str) -> str:
    """Return the column that stands for a top-level member of strings that hold JSON."""
    return f"{VALUE}.{name}"


class KeyPatterns:
    """Finds the pattern of a key: among those that fit, the one with the most fixed characters.

    Patterns are looked up by their separators and by the parts between them that are fixed.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._exact: set[str] = set()
        self._by_shape: dict[tuple[str, ...], dict[tuple[int, ...], dict[tuple[str, ...], list[str]]]] = {}
        self._any = False
        for pattern in sorted(patterns, key=_rank):
            if pattern == ANY:
                self._any = True
            elif "*" not in pattern:
                self._exact.add(pattern)
            else:
                parts = _SEPARATOR.split(pattern)
                fixed = tuple(n for n in range(0, len(parts), 2) if "*" not in parts[n])
                by_fixed = self._by_shape.setdefault(tuple(parts[1::2]), {}).setdefault(fixed, {})
                by_fixed.setdefault(tuple(parts[n] for n in fixed), []).append(pattern)

    def find(self, key: str) -> str | None:
        """Return the pattern of the key, None when it fits none."""
        if key in self._exact:
            return key
        parts = _SEPARATOR.split(key)
        fitting = [
            pattern
            for fixed, by_parts in self._by_shape.get(tuple(parts[1::2]), {}).items()
            for pattern in by_parts.get(tuple(parts[n] for n in fixed), ())
            if _expression(pattern).fullmatch(key)
        ]
        return min(fitting, key=_rank) if fitting else ANY if self._any else None

    def variable_parts(self, key: str, pattern: str) -> str:
        """Return the parts of a key that the pattern leaves open, which may be personal."""
        if pattern == ANY:
            return key
        found = _expression(pattern).fullmatch(key)
        return " ".join(found.groups()) if found else key


@lru_cache(maxsize=16)
def patterns_of(names: tuple[str, ...]) -> KeyPatterns:
    """Return the finder over these patterns."""
    return KeyPatterns(names)


def may_overlap(glob: str, pattern: str) -> bool:
    """Whether a key that fits the glob of a SCAN may fit the pattern: their fixed beginnings agree."""
    left, right = re.split(r"[*?\[\\]", glob, maxsplit=1)[0], pattern.partition("*")[0]
    return pattern == ANY or left.startswith(right) or (right.startswith(left) and (left != glob or right == left))


def _rank(pattern: str) -> tuple[int, str]:
    """Order patterns by their fixed characters, the most first."""
    return -len(pattern.replace("*", "")), pattern


@lru_cache(maxsize=10_000)
def _expression(pattern: str) -> re.Pattern[str]:
    pieces: Sequence[str] = pattern.split("*")
    return re.compile(f"([^{HARD}]*)".join(re.escape(piece) for piece in pieces), re.DOTALL)
