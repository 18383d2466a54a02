"""The table of tools and engines has no blank, and its tests exist."""

from __future__ import annotations

import pytest
from dbmanager_tools.house import REGISTRY

from dbmanager.adapters.registry import ENGINES as REGISTERED
from tests.test_promises import COLLECTED
from tests.tool_engines import ENGINES, NO_DATABASE, TABLE


def test_every_registered_engine_has_a_column() -> None:
    schemes = {scheme for entry in REGISTERED.values() for scheme in entry.schemes}
    assert set(REGISTERED) <= set(ENGINES)
    assert set(ENGINES) <= schemes | set(REGISTERED)
    assert set(TABLE) == set(ENGINES)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_tool_has_an_entry_on_every_engine(engine: str) -> None:
    assert sorted({*TABLE[engine], *NO_DATABASE}) == sorted(REGISTRY)
    assert not set(TABLE[engine]) & set(NO_DATABASE)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_called_tested_names_a_test_and_the_rest_a_reason(engine: str) -> None:
    for tool, shown in TABLE[engine].items():
        if shown.state == "tested":
            assert shown.by in COLLECTED, (engine, tool)
        else:
            assert len(shown.by) > 10, (engine, tool)
    assert set(NO_DATABASE.values()) <= set(COLLECTED)
