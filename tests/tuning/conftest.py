"""What tests of settings share: a report over an adapter, and services that apply its change set."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from dbmanager.adapters.facets import Adapter
from dbmanager.model.changes import ChangeState
from dbmanager.model.tuning import GB, Recommendation, TuningReport
from dbmanager.phases.optimization.tune import tune, tuning_plan
from dbmanager.services.container import Services
from tests.services.conftest import approve, make_services

MakeServices = Callable[..., Services]


@pytest.fixture
async def open_services(tmp_path: Path) -> AsyncIterator[MakeServices]:
    opened: list[Services] = []

    def open_(**settings: Any) -> Services:
        opened.append(make_services(tmp_path, access="admin", **settings))
        return opened[-1]

    yield open_
    for services in opened:
        await services.close()


async def told(adapter: Adapter, **options: Any) -> TuningReport:
    """Return the report on a machine of 8 GB unless another is told."""
    return await tune(adapter, "db", **{"is_local": False, "memory_bytes": 8 * GB, **options})


def of(report: TuningReport, setting: str) -> list[Recommendation]:
    return [one for one in report.recommendations if one.rule.setting == setting]


async def apply_verify_and_roll_back(services: Services, look: Callable[[], str], *only: str) -> tuple[str, str, str]:
    """Put the proposed values in force by a change set; return what `look` sees before, applied and rolled back."""
    adapter = await services.connections.adapter("db")
    report = await told(adapter, only=only)
    assert report.steps, report
    before = look()
    change = await services.changes.propose(await tuning_plan(adapter, "db", report))
    assert "admin" in {record.step.access for record in change.steps}
    assert all(record.step.reversible for record in change.steps)
    await approve(services, change)
    await services.changes.apply(change.id)
    verified = await services.changes.verify(change.id)
    assert verified.state is ChangeState.VERIFIED
    applied = look()
    undone = await services.changes.roll_back(change.id)
    assert undone.state is ChangeState.ROLLED_BACK
    return before, applied, look()
