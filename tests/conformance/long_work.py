"""Tools that the public suite calls by name: long work, done by the job service and its worker as ours is.

Our jobs ask nobody anything while they run: what a change needs is asked before. The two tools that do ask have a
source of their own, in memory.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from dbmanager_server.job_tasks import JobTasks
from dbmanager_server.task_source import Task, TaskStatus
from dbmanager_tools.house import FOLLOWED, answer, work
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, ElicitRequest, InputRequiredResult

from dbmanager.adapters.facets import Progress
from dbmanager.errors import InvalidStatement
from dbmanager.model.jobs import Outcome
from dbmanager.services.container import Services
from dbmanager.services.jobs import Jobs
from tests.conformance.contents import fixture_tool
from tests.conformance.rounds import asking, told

REQUIRED = ("failing_job", "test_tool_with_task")
"""Tools that the suite wants to be refused without the extension."""


def add_handlers(jobs: Jobs) -> None:
    """Make the suite's kinds of job known, to server and worker."""
    for handler in (slow_compute_work, failing_job_work, protocol_error_job_work, greeting_work):
        jobs.register(handler.__name__.removesuffix("_work"), handler)


async def slow_compute_work(_services: Services, arguments: Mapping[str, Any], _progress: Progress) -> Outcome:
    await anyio.sleep(arguments["seconds"])
    return Outcome(f"{arguments['label']} took {arguments['seconds']} s")


async def failing_job_work(_services: Services, _arguments: Mapping[str, Any], _progress: Progress) -> Outcome:
    await anyio.sleep(0.5)
    raise InvalidStatement("this job always fails")


async def protocol_error_job_work(_services: Services, _arguments: Mapping[str, Any], _progress: Progress) -> Outcome:
    raise RuntimeError("a fault of the program")


async def greeting_work(_services: Services, arguments: Mapping[str, Any], _progress: Progress) -> Outcome:
    return Outcome(f"Hello, {arguments['name']}!")


@fixture_tool
async def slow_compute(ctx: Context, seconds: float = 0, label: str = "") -> CallToolResult:
    """Take so many seconds."""
    return await work(ctx, "slow_compute", label, {"seconds": seconds, "label": label}, False, lane="")


@fixture_tool
async def failing_job(ctx: Context) -> CallToolResult:
    """Fail after a while."""
    return await work(ctx, "failing_job", "", {}, False, lane="")


@fixture_tool
async def protocol_error_job(ctx: Context) -> CallToolResult:
    """Fail by a fault of the program."""
    return await work(ctx, "protocol_error_job", "", {}, False, lane="")


@fixture_tool
async def test_tool_with_task(ctx: Context) -> CallToolResult | InputRequiredResult:
    """Ask for a name, then greet as a task."""
    name = told(ctx, "user_name", "name")
    if not isinstance(name, str):
        return InputRequiredResult(input_requests={"user_name": asking("What is your name?", name="string")})
    return await work(ctx, "greeting", name, {"name": name}, False, lane="")


@fixture_tool
async def confirm_delete(filename: str) -> CallToolResult:
    """Ask once while it works."""
    return _begun({"confirm": asking(f"Delete {filename}?", confirm="boolean")})


@fixture_tool
async def multi_input() -> CallToolResult:
    """Ask twice while it works."""
    return _begun({"first": asking("A name?", name="string"), "second": asking("Another name?", name="string")})


@dataclass
class _Asking:
    """Work that waits until each of its questions is answered."""

    pending: dict[str, ElicitRequest]
    begun: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    cancelled: bool = False
    answers: dict[str, Any] = field(default_factory=dict)


_ASKING: dict[str, _Asking] = {}


def _begun(questions: dict[str, ElicitRequest]) -> CallToolResult:
    followed = FOLLOWED.get()
    if followed is not None:
        followed.task = f"ask_{secrets.token_hex(5)}"
        _ASKING[followed.task] = _Asking(questions)
    return answer("begun")


class FixtureTasks(JobTasks):
    """The jobs' tasks, and those that ask."""

    async def find(self, id_: str) -> Task:
        found = _ASKING.get(id_)
        if found is None:
            return await super().find(id_)
        status, result = TaskStatus.INPUT_REQUIRED, None
        if found.cancelled:
            status = TaskStatus.CANCELLED
        elif not found.pending:
            status, result = TaskStatus.COMPLETED, answer(f"answered: {sorted(found.answers)}")
        asked = {key: request.model_dump(mode="json", by_alias=True, exclude_none=True) for key, request in found.pending.items()}  # fmt: skip
        return Task(id_, status, found.begun, dt.datetime.now(dt.UTC), result=result, inputs=asked)

    async def cancel(self, id_: str) -> None:
        if id_ not in _ASKING:
            await super().cancel(id_)
        elif _ASKING[id_].pending:
            _ASKING[id_].cancelled = True

    async def answer(self, id_: str, responses: Mapping[str, Any]) -> None:
        if id_ not in _ASKING:
            await super().answer(id_, responses)
            return
        found = _ASKING[id_]
        for key in responses.keys() & found.pending.keys():
            found.answers[key] = responses[key]
            del found.pending[key]
