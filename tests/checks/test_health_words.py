"""What every check of health says of itself, fixes for names of any spelling, and chains of any shape."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmanager.adapters.registry import ENGINES
from dbmanager.adapters.sql.lock_chains import chains, fingerprint
from dbmanager.adapters.sql.row_findings import flagged
from dbmanager.analyzers.describe import markdown
from dbmanager.model.findings import QueryCheck, Severity
from scripts.reference.checks import checks_of

EVERY = [check for engine in ENGINES for check in checks_of(engine) if check.pack == "health"]


def test_a_check_of_health_without_a_bound_or_a_caveat_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="threshold"):
        dataclasses.replace(EVERY[0], threshold=" ")
    with pytest.raises(ValueError, match="caveat"):
        dataclasses.replace(EVERY[0], caveat="")
    with pytest.raises(ValueError, match="source"):
        dataclasses.replace(EVERY[0], source="")


@pytest.mark.parametrize("check", EVERY, ids=lambda check: check.id)
def test_a_bound_says_whose_it_is_or_what_is_compared(check: QueryCheck) -> None:
    assert int(check.id.partition("-")[2]) >= 201
    assert check.threshold.endswith(".")
    assert check.caveat.endswith(".")


@given(st.text(min_size=1))
def test_a_name_of_any_spelling_goes_into_a_fix_as_it_is(name: str) -> None:
    judge = flagged("Mend {object}.", "VACUUM {quoted}", "{undo}")
    (problem,) = judge(({"object": name, "quoted": name, "undo": name, "rows": 1, "severity": "low"},))
    assert problem.fix is not None
    assert problem.fix.statements == (f"VACUUM {name}",)
    assert problem.fix.inverse == (name,)
    assert problem.evidence == {"rows": 1}
    assert problem.severity is Severity.LOW
    (without,) = judge(({"object": name, "quoted": name, "undo": None},))
    assert without.fix is not None
    assert without.fix.inverse == ()


def _session(pid: int, *blockers: int) -> dict[str, object]:
    return {"pid": pid, "blocked_by": list(blockers), "state": "active", "statement": "UPDATE x", "seconds": 1}


@given(st.dictionaries(st.integers(1, 30), st.lists(st.integers(1, 30), max_size=3), max_size=30))
def test_every_waiting_session_stands_in_a_chain_and_none_twice(waits: dict[int, list[int]]) -> None:
    rows = tuple(_session(pid, *(b for b in blockers if b != pid)) for pid, blockers in waits.items())
    problems = list(chains("End {pid}.")(rows))  # type: ignore[arg-type]
    told = [str(line).lstrip("> ").partition(":")[0] for p in problems for line in p.evidence["chain"]]  # type: ignore[union-attr]
    told = [word for word in told if word.isdigit()]
    assert len(told) == len(set(told))
    waiting = {str(pid) for pid, blockers in waits.items() if set(blockers) - {pid}}
    if all(int(str(p.evidence["held_up"])) < 20 for p in problems):
        assert waiting <= set(told)


def test_two_sessions_that_wait_for_each_other_are_told_once() -> None:
    (problem,) = chains("End {pid}.")((_session(1, 2), _session(2, 1)))  # type: ignore[arg-type]
    assert problem.object_name == "session 1"
    assert problem.evidence["held_up"] == 1


def test_a_fingerprint_is_the_same_for_other_values_and_holds_none() -> None:
    one = fingerprint("UPDATE t SET a = 'secret-4711', b = 17 WHERE id = 5")
    assert one == fingerprint("UPDATE t SET a = 'other', b = 18\n WHERE id = 6")
    assert one != fingerprint("UPDATE u SET a = 'other', b = 18 WHERE id = 6")
    assert "secret" not in one
    assert one.startswith("UPDATE ")
    assert fingerprint("SECRET4711 is no word of SQL").startswith("statement ")
    assert fingerprint(None) == "no statement"


def test_a_finding_of_health_shows_its_bound_and_what_may_make_it_wrong() -> None:
    check = next(check for check in EVERY if check.id == "PG-209")
    (finding,) = check.findings(({"object": "autovacuum", "quoted": "autovacuum", "value": "off"},))
    text = markdown.finding(finding)
    assert f"Bound: {check.threshold}" in text
    assert f"May be wrong: {check.caveat}" in text
