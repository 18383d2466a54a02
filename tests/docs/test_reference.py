"""The reference pages say what the objects say now."""

from __future__ import annotations

import re
from typing import Any

import pytest
from dbmanager_tools.house import REGISTRY

from dbmanager.adapters.registry import ENGINES
from dbmanager.analyzers.schema_lint.lint import RULES
from dbmanager.model.findings import Check
from dbmanager.services.configuration import RESERVED
from scripts.reference.checks import checks_of, fix_of
from scripts.reference.errors import errors
from scripts.reference.json_schema import fields
from scripts.reference.pages import FOLDER, ROOT, pages

PAGES = pages()


@pytest.mark.parametrize("path", sorted(PAGES))
def test_a_committed_page_is_what_the_objects_give_now(path: str) -> None:
    committed = (ROOT / path).read_text("utf-8") if (ROOT / path).is_file() else ""
    assert committed == PAGES[path], f"{path} is out of date; run make docs"


def test_no_page_is_left_of_an_object_that_is_gone() -> None:
    assert {f"{FOLDER}/{file.name}" for file in (ROOT / FOLDER).iterdir()} == {
        path for path in PAGES if path.startswith(FOLDER)
    }


def test_every_tool_and_reserved_variable_is_on_its_page() -> None:
    assert sorted(re.findall(r"^### (\w+)$", PAGES[f"{FOLDER}/tools.md"], re.M)) == sorted(REGISTRY)
    assert all(name in PAGES[f"{FOLDER}/configuration.md"] for name in RESERVED)


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_every_registered_check_of_an_engine_is_on_the_page_with_its_fix(engine: str) -> None:
    shown = dict(re.findall(r"^### ([A-Z]+-\d+ .*?)\n.*?^- Fix: (.*?)$", PAGES[f"{FOLDER}/checks.md"], re.M | re.S))
    registered: list[Check[Any]] = [*checks_of(engine), *(rule for rule in RULES if engine in rule.engines)]
    assert len(registered) > 20
    for check in registered:
        assert shown.get(f"{check.id} {check.title}") == fix_of(check.judge)


def test_each_error_has_its_own_code_and_message() -> None:
    rows = errors()
    assert len({row.code for row in rows}) == len(rows)
    assert len({row.message for row in rows}) == len(rows)


def test_nested_lists_and_maps_are_followed_to_their_fields() -> None:
    schema = {
        "properties": {
            "steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}, "minItems": 1},
            "by_name": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Step"}},
        },
        "required": ["steps"],
        "$defs": {
            "Step": {"properties": {"mode": {"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}], "default": None}}}
        },
    }
    rows = {row.path: row for row in fields(schema)}
    assert list(rows) == ["steps", "steps[].mode", "by_name", "by_name.NAME.mode"]
    assert rows["steps"].required
    assert rows["steps"].type.endswith("1 or more")
    assert rows["by_name.NAME.mode"].type == "`a` or `b`"
