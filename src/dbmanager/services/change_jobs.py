"""Applying and rolling back a change set as pieces of work, done at once or by the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbmanager.adapters.facets import Progress
from dbmanager.analyzers.describe.workflow import change_text
from dbmanager.model.changes import ChangeSet
from dbmanager.model.jobs import Outcome
from dbmanager.services.container import Services
from dbmanager.services.jobs import Jobs

APPLY = "apply_change"
ROLL_BACK = "roll_back_change"


def register(jobs: Jobs) -> None:
    """Make both kinds known."""
    jobs.register(APPLY, apply, priority=1, scope="write")
    jobs.register(ROLL_BACK, roll_back, priority=2, scope="write")


async def apply(services: Services, arguments: Mapping[str, Any], progress: Progress) -> Outcome:
    """Apply an approved change set and verify it; goes on where an interrupted run left it."""
    id_ = str(arguments["change"])
    await services.changes.apply(id_, progress)
    done = await services.changes.verify(id_)
    for item in await services.changes.evidence(done):
        await services.keep_evidence(done.project_id, item.kind, item.title, item.payload)
    return _outcome(services, done)


async def roll_back(services: Services, arguments: Mapping[str, Any], progress: Progress) -> Outcome:
    """Undo the steps of a change set that took effect."""
    return _outcome(services, await services.changes.roll_back(str(arguments["change"]), progress))


def _outcome(services: Services, change: ChangeSet) -> Outcome:
    settings = services.connections.settings(change.plan.connection)
    return Outcome(change_text(change, settings), {"change": change.id, "state": change.state.value})
