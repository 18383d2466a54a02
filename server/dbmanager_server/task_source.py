"""What the tasks extension asks of whatever does long work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from mcp.types import CallToolResult


class TaskStatus(StrEnum):
    """How a task stands, in the extension's words."""

    WORKING = "working"
    INPUT_REQUIRED = "input_required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of long work as a client sees it.

    Attributes:
        message: progress or what happened, empty when there is nothing to say.
        result: what the tool answers, a failure that was told included; of a completed task only.
        fault: why a failed task has no answer: a fault of the server, never of the database or the arguments.
        inputs: requests to the client's user by key, of a task that waits for them.
    """

    id: str
    status: TaskStatus
    created_at: datetime
    updated_at: datetime
    message: str = ""
    result: CallToolResult | None = None
    fault: str = ""
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class TaskSource(Protocol):
    """Long work by id. Every method raises NotFound, which names the nearest id, when there is none of that id."""

    async def find(self, id_: str) -> Task:
        """Return a task as it stands."""
        ...

    async def cancel(self, id_: str) -> None:
        """Ask a task to stop; harmless when it has ended."""
        ...

    async def answer(self, id_: str, responses: Mapping[str, Any]) -> None:
        """Give what the client's user answered, by the key of each request; unknown keys are ignored."""
        ...
