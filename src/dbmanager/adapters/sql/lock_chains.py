"""Who waits for whom: waiting sessions become one problem per session that holds the others up."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from dbmanager.model.findings import FactRows, Fix, Problem, Severity
from dbmanager.model.queries import Cell

MOST_TOLD = 20
_WORD = re.compile(
    r"\s*(select|insert|update|delete|replace|merge|with|lock|alter|create|drop|truncate|load|call)\b", re.IGNORECASE
)
_LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|\b\d[\w.]*")
MANY = 5
"""As many waiting sessions make a chain worse."""
Session = Mapping[str, Cell]


def fingerprint(statement: str | None) -> str:
    """Return what may be told of a statement: its first word, and a digest that is the same for other values."""
    if not statement:
        return "no statement"
    word = _WORD.match(statement)
    shape = " ".join(_LITERAL.sub("?", statement).split())
    return f"{word[1].upper() if word else 'statement'} {hashlib.sha256(shape.encode()).hexdigest()[:12]}"


def chains(advice: str) -> Callable[[FactRows], Iterator[Problem]]:
    """Return a judge over sessions: `pid`, `blocked_by` (pids), `state`, `statement`, `seconds`.

    A problem is a session that waits for nobody and is waited for; its evidence is the tree below it. In a ring of
    sessions (a deadlock that the server has not found yet) the lowest pid stands for it.
    """

    def judge(facts: FactRows) -> Iterator[Problem]:
        sessions = {_number(row["pid"]): row for row in facts}
        waiting = _waiting(sessions)
        seen: set[int] = set()
        for root in [*_roots(sessions, waiting), *sorted(waiting)]:
            if root in seen:
                continue
            lines = list(_below(root, sessions, waiting, seen))
            if len(lines) < 2:
                continue
            told = lines[:MOST_TOLD] + ([f"{len(lines) - MOST_TOLD} more"] if len(lines) > MOST_TOLD else [])
            yield Problem(
                f"session {root}", {"held_up": len(lines) - 1, "chain": list[Cell](told)}, fix=Fix(advice.format(pid=root)),
                severity=Severity.CRITICAL if len(lines) > MANY else None,
            )  # fmt: skip

    return judge


def _number(value: Cell) -> int:
    return int(str(value))


def _waiting(sessions: Mapping[int, Session]) -> dict[int, list[int]]:
    """Return, for every session that is waited for, those that wait for it."""
    found: dict[int, list[int]] = defaultdict(list)
    for pid, row in sorted(sessions.items()):
        blockers = row["blocked_by"]
        for blocker in sorted({_number(one) for one in blockers} if isinstance(blockers, list) else ()):
            found[blocker].append(pid)
    return found


def _roots(sessions: Mapping[int, Session], waiting: Mapping[int, list[int]]) -> list[int]:
    held = {pid for below in waiting.values() for pid in below}
    return sorted(pid for pid in waiting if pid not in held or pid not in sessions)


def _below(
    pid: int, sessions: Mapping[int, Session], waiting: Mapping[int, list[int]], seen: set[int], depth: int = 0
) -> Iterator[str]:
    seen.add(pid)
    row = sessions.get(pid)
    what = (
        f"{row['state']}, {row['statement']}, {_number(row['seconds'])} s"
        if row
        else "not shown (a prepared transaction?)"
    )
    yield f"{'> ' * depth}{pid}: {what}"
    for other in waiting.get(pid, ()):
        if other not in seen:
            yield from _below(other, sessions, waiting, seen, depth + 1)
