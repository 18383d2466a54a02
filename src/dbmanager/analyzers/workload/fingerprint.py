"""What tells a statement of SQL from another whatever its values, how it may be shown, and whether it writes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dbmanager.analyzers.workload.lexing import VALUE, Word, words
from dbmanager.model.workload import StatementKind

_WRITING = frozenset(("insert", "update", "delete", "merge", "replace", "truncate", "load", "upsert", "copy"))
_READING = frozenset(("select", "table", "values"))
_LISTS = re.compile(r"\?(?:\s*,\s*\?)+")
_ROWS = re.compile(r"(\([^()]*\))(?:\s*,\s*\1)+")


@dataclass(frozen=True, slots=True)
class Reading:
    """A statement read: its fingerprint, its text with every value folded, whether it writes, and its words."""

    fingerprint: str
    shown: str
    kind: StatementKind
    words: tuple[str, ...]


def read(text: str, dialect: str) -> Reading:
    """Return the reading of one statement; never fails, whatever the text.

    The fingerprint is the same for other values, other spacing and comments, longer lists of IN and VALUES, `$1` in
    place of a value, quoted names that needed no quotes, and what pg_stat_statements or a MySQL digest leave of it.
    """
    found = words(text, dialect)
    while found and found[-1].canonical == ";":
        found.pop()
    canonical = folded([word.canonical for word in found], anywhere=dialect == "mysql")
    digest = hashlib.sha256("\0".join(canonical).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return Reading(digest, shown_text(found), kind_of(canonical), tuple(canonical))


def folded(canonical: Sequence[str], *, anywhere: bool) -> list[str]:
    """Fold lists of values to one, after IN, VALUES and ARRAY or anywhere; and rows of VALUES that repeat."""
    result: list[str] = []
    at = 0
    while at < len(canonical):
        result.append(canonical[at])
        if canonical[at] == VALUE and (anywhere or _in_list(result)):
            while canonical[at + 1 : at + 3] == [",", VALUE]:
                at += 2
        at += 1
    return _rows_folded(result) if "values" in result else result


def _in_list(before: list[str]) -> bool:
    """Whether a value stands first in the brackets of IN, ARRAY or a row of VALUES."""
    return len(before) > 2 and before[-2] in "([" and before[-3] in ("in", "array", "values", ",")


def _rows_folded(canonical: list[str]) -> list[str]:
    start = canonical.index("values") + 1
    result, groups, at = canonical[:start], set[tuple[str, ...]](), start
    while at < len(canonical) and canonical[at] == "(":
        end = _closing(canonical, at)
        group = tuple(canonical[at : end + 1])
        if group not in groups:
            result += [*([","] if groups else []), *group]
            groups.add(group)
        at = end + 1
        if canonical[at : at + 1] == [","] and canonical[at + 1 : at + 2] == [VALUE]:  # `, ...` of a digest
            at += 2
        elif canonical[at : at + 2] == [",", "("]:
            at += 1
        else:
            break
    return result + canonical[at:]


def _closing(canonical: Sequence[str], at: int) -> int:
    depth = 0
    for number in range(at, len(canonical)):
        depth += {"(": 1, ")": -1}.get(canonical[number], 0)
        if not depth:
            return number
    return len(canonical) - 1


def shown_text(found: Sequence[Word]) -> str:
    """Return the statement as it may be shown: no value, no comment, one space where there was a gap."""
    text = "".join((" " if word.gap and number else "") + word.shown for number, word in enumerate(found))
    return _ROWS.sub(r"\1", _LISTS.sub("?", text))


def kind_of(canonical: Sequence[str]) -> StatementKind:
    """Tell whether a statement reads or writes by its first words; a WITH by what stands in it."""
    first = next((word for word in canonical if word != "("), "")
    if first == "with":
        return "write" if any(_begins(canonical, at) for at in range(1, len(canonical))) else "read"
    if first in _READING:
        return "other" if "into" in canonical else "read"
    return "write" if first in _WRITING else "other"


def _begins(canonical: Sequence[str], at: int) -> bool:
    """Whether a writing statement begins here: after a bracket; FOR UPDATE and ON CONFLICT do not begin one."""
    return canonical[at] in ("insert", "update", "delete", "merge") and canonical[at - 1] in ("(", ")")
