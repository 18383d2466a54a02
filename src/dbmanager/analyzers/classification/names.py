"""Name evidence: which kind a column's name says it holds."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from dbmanager.analyzers.classification.kinds import KINDS, NEGATIVE_HEADS, NEGATIVE_TAILS

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SPLIT = re.compile(r"[^a-z0-9]+")
_PERSON_TABLES = frozenset(
    "customer customers client clients person persons people user users employee employees patient patients contact "
    "contacts member members guest guests author authors kunde kunden cliente clientes subscriber subscribers".split()
)


def tokens(name: str) -> tuple[str, ...]:
    """Return the words of a column name: snake, kebab and camel case split, accents and case folded."""
    plain = unicodedata.normalize("NFKD", _CAMEL.sub("_", name)).encode("ascii", "ignore").decode()
    return tuple(word for word in _SPLIT.split(plain.lower()) if word)


@lru_cache(maxsize=20_000)
def kind_of_name(table: str, column: str) -> str | None:
    """Return the kind that the name says, or None. Longer phrases win; a negative tail or head vetoes."""
    words = tokens(column)
    if not words or words[0] in NEGATIVE_HEADS:
        return None
    best: tuple[int, str] | None = None
    for kind in KINDS.values():
        for phrase in kind.names:
            wanted = tuple(phrase.split())
            end = _end_of(words, wanted)
            if end is None or _vetoed(words, wanted, end):
                continue
            if best is None or len(wanted) > best[0]:
                best = (len(wanted), kind.type)
    if best is None and words == ("name",) and set(tokens(table)) & _PERSON_TABLES:
        return "person_name"
    return best[1] if best else None


def _end_of(words: tuple[str, ...], wanted: tuple[str, ...]) -> int | None:
    for start in range(len(words) - len(wanted) + 1):
        if words[start : start + len(wanted)] == wanted:
            return start + len(wanted)
    return None


def _vetoed(words: tuple[str, ...], wanted: tuple[str, ...], end: int) -> bool:
    """Whether the name is about the thing: a negative tail behind it, or a reference to a row (`address_id`)."""
    rest = words[end:]
    if any(word in NEGATIVE_TAILS for word in rest):
        return True
    return bool(rest) and rest[-1] in ("id", "fk", "ref", "uuid") and wanted[-1] != "id"
