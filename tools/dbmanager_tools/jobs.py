"""Job tools: follow and stop long work, read on in long answers."""

from __future__ import annotations

import time
from typing import Annotated

import anyio
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from dbmanager.analyzers.describe.workflow import job_text
from dbmanager_tools.house import LONGEST_ANSWER, answer, services_of, tool

JobId = Annotated[str, Field(description="Job id, e.g. job_0a1b2c3d4e")]
LOOK_SECONDS = 0.25


@tool(phase=0, title="Get job")
async def get_job(
    job: JobId,
    ctx: Context,
    wait_seconds: Annotated[float, Field(ge=0, le=50, description="Wait up to this long for it to end")] = 0,
    log_lines: Annotated[int, Field(ge=0, le=200, description="Newest lines of its log to show")] = 0,
) -> CallToolResult:
    """Show how a job stands that another tool began with background=true: progress, time left, result. A job goes on
    when the client leaves, and is taken up again when its worker is lost."""
    services = services_of(ctx)
    deadline = time.monotonic() + wait_seconds
    found = await services.jobs.get(job)
    while not found.ended:
        await services.ensure_worker()
        if time.monotonic() >= deadline:
            break
        await anyio.sleep(min(LOOK_SECONDS, max(deadline - time.monotonic(), 0)))
        found = await services.jobs.get(job)
        await ctx.report_progress(found.done, found.total, found.message)
    facts: dict[str, JsonValue] = {"job": found.id, "state": found.state.value}
    text = job_text(found)
    if log_lines:
        lines = await services.jobs.log(job, log_lines)
        text += "\n\n" + "\n".join(f"{line.at:%Y-%m-%d %H:%M:%S} {line.worker} {line.line}" for line in lines)
    return answer(text, facts if found.facts is None else {**facts, "result": found.facts})


@tool(phase=0, title="Cancel job", reads=False, scope="read")
async def cancel_job(job: JobId, ctx: Context) -> CallToolResult:
    """Stop a job; its statement is stopped on the engine within about a second. What it had done stands: review_change
    tells how far a change set came."""
    found = await services_of(ctx).jobs.cancel(job)
    return answer(job_text(found), {"job": found.id, "state": found.state.value})


@tool(phase=0, title="Read result")
async def read_result(
    result: Annotated[str, Field(description="Result id, e.g. res_0a1b2c3d4e")],
    ctx: Context,
    start: Annotated[int, Field(ge=0, description="Character to begin at, from the last part")] = 0,
) -> CallToolResult:
    """Read on in an answer that was too long for one message. Results are kept for a day."""
    part = await services_of(ctx).results.read(result, start, LONGEST_ANSWER)
    note = f"Characters {part.start} to {part.start + len(part.text)} of {part.total}."
    if part.next_start is not None:
        note += f" Go on with start={part.next_start}."
    return answer(f"{part.text.rstrip()}\n\n{note}")
