"""Jobs as tasks: the same ids, so that get_job, cancel_job and a client's task list speak of the same work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dbmanager_tools.house import answer, failure_text, let_out
from mcp.types import CallToolResult, TextContent

from dbmanager.errors import InvalidTransition
from dbmanager_server.task_source import Task, TaskStatus

if TYPE_CHECKING:
    from dbmanager.model.jobs import Job
    from dbmanager.services.container import Services


class JobTasks:
    """The task source over the durable jobs of a server's store."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def find(self, id_: str) -> Task:
        """Return a job as a task; sees to it that a worker does what has not ended."""
        job = await self._services.jobs.get(id_)
        if not job.ended:
            await self._services.ensure_worker()
        return await self._task(job)

    async def cancel(self, id_: str) -> None:
        """Ask a job to stop: its statement stops on the engine within about a second."""
        try:
            await self._services.jobs.cancel(id_)
        except InvalidTransition:
            return  # it has ended: asking again is harmless

    async def answer(self, id_: str, responses: Mapping[str, Any]) -> None:
        """Take note of nothing: whatever a job needs to be told was asked before it was queued."""
        await self._services.jobs.get(id_)

    async def _task(self, job: Job) -> Task:
        status, result, fault = TaskStatus.WORKING, None, ""
        if job.state == "cancelled":
            status = TaskStatus.CANCELLED
        elif job.state == "done":
            status = TaskStatus.COMPLETED
            result = await self._let_out(job)
        elif job.ended:
            status, result, fault = self._failed(job)
        moments = (job.created_at, job.started_at, job.taken_at, job.reported_at, job.ended_at)
        message = job.result if status is TaskStatus.CANCELLED else _progress(job)
        return Task(job.id, status, job.created_at, max(m for m in moments if m), message, result, fault)

    async def _let_out(self, job: Job) -> CallToolResult:
        """Return what the tool answers; a long one is kept under the job's own number, however often it is asked for."""
        kept_as = f"res_{job.id.partition('_')[2]}"
        return await let_out(answer(job.result, job.facts), job.kind, self._services, kept_as)

    def _failed(self, job: Job) -> tuple[TaskStatus, CallToolResult | None, str]:
        """Return a failure that the tool would have told as its answer, anything else as a fault of this program."""
        error = (job.facts or {}).get("error")
        if error is None:
            return TaskStatus.FAILED, None, job.result
        text = failure_text(job.result, error, self._services)
        return TaskStatus.COMPLETED, CallToolResult(content=[TextContent(type="text", text=text)], is_error=True), ""


def _progress(job: Job) -> str:
    if job.ended:
        return ""
    parts = [f"{job.done:g} of {job.total:g}"] if job.total else []
    parts += [job.message] if job.message else []
    remaining = job.remaining_seconds
    return ", ".join(parts + ([f"about {remaining:.0f} s left"] if remaining is not None else []))
