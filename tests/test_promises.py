"""Promises name tests that exist, and the workflow's tests name promises that exist."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises import PROMISES, Promise

TESTS = Path(__file__).parent
WORKFLOW = "tests/workflow/"
"""Every test below it is end to end and must bear the promises it shows."""


def _marked(function: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    """The ids that `@pytest.mark.promise(...)` names on a function."""
    return frozenset(
        str(ast.literal_eval(argument))
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.promise"
        for argument in decorator.args
    )


def _in_file(path: Path) -> Iterator[tuple[str, frozenset[str]]]:
    name = path.relative_to(TESTS.parent).as_posix()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield f"{name}::{node.name}", _marked(node)


COLLECTED = dict(item for path in sorted(TESTS.rglob("test_*.py")) for item in _in_file(path))
"""Node id → the promises it is marked with, for every test that pytest collects."""
BY_ID = {promise.id: promise for promise in PROMISES}


def test_every_id_has_one_entry_and_every_entry_an_id() -> None:
    assert [promise.id for promise in PROMISES if promise.id not in _ids()] == []
    assert sorted(promise.id for promise in PROMISES) == sorted(_ids())


def _ids() -> list[str]:
    return (TESTS / "promise_ids.txt").read_text("utf-8").split()


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.id)
def test_every_named_test_is_collected(promise: Promise) -> None:
    assert [test for test in promise.tests if test not in COLLECTED] == []
    assert len(set(promise.tests)) == len(promise.tests)


def test_every_mark_names_a_promise_that_some_test_shows() -> None:
    marks = [(test, id_) for test, marked in COLLECTED.items() for id_ in marked]
    assert marks
    assert [mark for mark in marks if mark[1] not in BY_ID or BY_ID[mark[1]].state == "open"] == []


def test_every_workflow_test_bears_its_promises() -> None:
    assert [test for test, marked in COLLECTED.items() if test.startswith(WORKFLOW) and not marked] == []


@pytest.mark.parametrize(
    ("state", "tests", "missing"),
    [
        ("kept", (), ""),
        ("kept", ("t",), "more"),
        ("partly", (), "more"),
        ("partly", ("t",), ""),
        ("open", ("t",), "more"),
    ],
)
def test_a_state_without_its_evidence_is_refused(state: str, tests: tuple[str, ...], missing: str) -> None:
    with pytest.raises(ValueError, match=r"P0\.0"):
        Promise("P0.0", "nothing", state, tests, missing)  # type: ignore[arg-type] # one of the states
