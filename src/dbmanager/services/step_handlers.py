"""Steps of a change set that are more than one statement: what carries them out, and what it is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dbmanager.adapters.facets import Adapter, Progress
from dbmanager.model.changes import ChangeStep
from dbmanager.services.connections import Connections


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step handler is given: other databases, progress, and a durable memory of its own.

    Attributes:
        connection: the connection that its change is for.
        place: the step's own name, `chg_.../2`.
    """

    connection: str
    place: str
    connections: Connections
    progress: Progress
    memory: Mapping[str, Any]
    remember: Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """Evidence to keep with a project: its kind, a title, figures and names."""

    kind: str
    title: str
    payload: Mapping[str, Any]


class StepHandler(Protocol):
    """Carries out steps that are more than one statement; phases register theirs by kind."""

    async def apply(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> str:
        """Do it, resuming from `context.memory`; return what was done."""
        ...

    async def took_effect(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> bool:
        """Tell whether it is wholly done."""
        ...

    async def undo(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> None:
        """Undo what was done, wholly or in part."""
        ...

    def evidence(self, done: Sequence[tuple[ChangeStep, Mapping[str, Any]]]) -> Sequence[EvidenceItem]:
        """Return what the steps of this kind prove once their change is verified, from what each remembered."""
        ...
