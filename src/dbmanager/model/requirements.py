"""The requirements record: what is there and what is asked of it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Figure(_Closed):
    """A measured figure and the statement that shows it again."""

    value: int | None
    exact: bool = Field(description="False when it is the engine's estimate")
    query: str


class EntityRecord(_Closed):
    """A table as it is stored and used."""

    name: str
    columns: int
    key: list[str]
    rows: Figure
    size_bytes: int | None
    index_bytes: int | None
    sequential_scans: int | None
    modifications: int | None


class RelationRecord(_Closed):
    """A reference between tables, declared or inferred, with its orphans."""

    child: str
    column: str
    parent: str
    declared: bool
    rows: int
    orphans: int
    query: str


class RequirementsRecord(_Closed):
    """The first artefact of a project; open questions are for the person."""

    goal: str
    engine: str
    version: str
    size_bytes: int | None
    entities: list[EntityRecord]
    relations: list[RelationRecord]
    usage_note: str
    risks: list[str]
    warnings: list[str]
    open_questions: list[str]
    staleness_seconds: float | None = Field(None, description="How old an answer may be; None where nobody said")
