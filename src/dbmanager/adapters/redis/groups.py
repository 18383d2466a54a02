"""Learns key patterns from keys: what varies becomes `*`, and no pattern keeps a part that may name a person."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from dbmanager.model.keys import ANY, HARD

MAX_PATTERNS = 2_000
MAX_FIRST_WORDS = 200
MAX_WORDS = 20
_OPEN = "\0"
_ADDRESS = re.compile(rf"[^\s{HARD}{{}}]+@[^\s{HARD}{{}}]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_PARTS = re.compile(rf"([{HARD}.\-_{{}}]+)")
_WORD = re.compile(r"[a-z]{1,24}|[a-z]+(?:[A-Z][a-z]+)+|[A-Z]{1,16}|v\d{1,3}")
_FIRST_WORD = re.compile(r"[A-Z][A-Za-z]{1,30}")
_NUMBERED = re.compile(r"([a-z]{2,20})\d+")
_HEX_LETTERS = re.compile(r"[a-fA-F]{12,}")
_SOFT_RUN = re.compile(r"\*(?:[.\-_{}]+\*)+|\*\*+")
IDENTITIES = frozenset(
    "user users customer customers client clients person people member members account accounts patient patients employee "
    "employees contact contacts email emails mail login logins username profile profiles session sessions visitor guest guests "
    "author authors owner owners subscriber subscribers student students player players token tokens name names phone nick "
    "handle kunde kunden cliente u uid friend friends follower followers following by from to dm chat inbox".split()
)
"""Words after which the next part of a key says who: it is never kept, unless it is one of `STRUCTURE`."""
STRUCTURE = frozenset(
    "count counts total all index idx id ids list set next seq sequence by active online new recent latest queue stats settings "
    "config cache lock locks prefs user users email emails session sessions name names phone token tokens".split()
)


def learn_patterns(keys: Iterable[str]) -> tuple[str, ...]:
    """Return patterns that every key fits one of, the same ones whatever the keys' order."""
    shapes: Counter[tuple[str, ...]] = Counter(_shape(key) for key in keys)
    found: Counter[str] = Counter()
    _generalise(dict(shapes), 0, (), found)
    kept = sorted(found, key=lambda pattern: (-found[pattern], pattern))[:MAX_PATTERNS]
    return tuple(sorted(kept if len(kept) == len(found) else {*kept, ANY}))


def looks_variable(word: str) -> bool:
    """Whether a name (of a hash field) looks like data rather than like a name that a program gave."""
    return not re.fullmatch(r"[A-Za-z][A-Za-z]*(?:[_\-. ]?[A-Za-z]+|[_\-.]?\d{1,2})*", word) or len(word) > 40


def _shape(key: str) -> tuple[str, ...]:
    """Return words and separators in turn, with what is data by its own look left open."""
    if key.startswith("\\x"):
        return (_OPEN,)
    parts = _PARTS.split(_UUID.sub(_OPEN, _ADDRESS.sub(_OPEN, key)))
    return tuple(part if number % 2 else _word(part, first=number == 0) for number, part in enumerate(parts))


def _word(part: str, *, first: bool) -> str:
    if part == "" or (_WORD.fullmatch(part) and not _HEX_LETTERS.fullmatch(part)):
        return part
    if first:
        if _FIRST_WORD.fullmatch(part) and not _HEX_LETTERS.fullmatch(part):
            return part
        numbered = _NUMBERED.fullmatch(part)
        if numbered:
            return numbered[1] + _OPEN
    return _OPEN


def _generalise(shapes: Mapping[tuple[str, ...], int], at: int, fixed: tuple[str, ...], found: Counter[str]) -> None:
    """Decide what is fixed at one place for keys that agree before it, then at the next."""
    buckets: dict[str, dict[tuple[str, ...], int]] = defaultdict(dict)
    ended = 0
    for shape, count in shapes.items():
        if at >= len(shape):
            ended += count
        else:
            buckets[shape[at]][shape] = count
    if ended:
        found[_SOFT_RUN.sub("*", "".join(fixed).replace(_OPEN, "*")) or ANY] += ended
    if at % 2 == 0:
        buckets = _opened(buckets, at, fixed)
    for part in sorted(buckets):
        _generalise(buckets[part], at + 1, (*fixed, part), found)


def _opened(
    buckets: dict[str, dict[tuple[str, ...], int]], at: int, fixed: tuple[str, ...]
) -> dict[str, dict[tuple[str, ...], int]]:
    """Return the buckets with the words that vary put together."""
    sizes = {word: sum(shapes.values()) for word, shapes in buckets.items() if _OPEN not in word and word}
    total = sum(sizes.values())
    before = fixed[-2] if len(fixed) >= 2 else ""
    many = len(sizes) > (MAX_WORDS if at else MAX_FIRST_WORDS)
    alike = _alike(buckets, sizes, at)
    merged: dict[str, dict[tuple[str, ...], int]] = defaultdict(dict)
    for word, shapes in buckets.items():
        varies = word in sizes and (
            (before.lower() in IDENTITIES and word.lower() not in STRUCTURE)
            or (many and sizes[word] < max(5, total / 100))
            or (_OPEN in before and sizes[word] < 2 and word.lower() not in STRUCTURE)
            or word in alike
        )
        for shape, count in shapes.items():
            changed = (*shape[:at], _OPEN, *shape[at + 1 :]) if varies else shape
            bucket = merged[_OPEN if varies else word]
            bucket[changed] = bucket.get(changed, 0) + count
    return merged


def _alike(buckets: Mapping[str, Mapping[tuple[str, ...], int]], sizes: Mapping[str, int], at: int) -> set[str]:
    """Return the words that each begin one key only, while at least five go on in the same way: names of things."""
    tails: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for word in sizes:
        if sizes[word] == 1:
            tail = next(iter(buckets[word]))[at + 1 :]
            if tail:
                tails[tail].add(word)
    return {word for words in tails.values() if len(words) >= 5 for word in words}
