"""What prompts say, read from the texts beside the code on first use, and put together for a model that pays by the word."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

TEXTS = Path(__file__).with_name("texts")
When = Literal["", "deep", "safe", "tests"]
CompanionName = Literal["reasoning", "search", "docs"]
COMPANIONS: dict[CompanionName, str] = {
    "reasoning": "If a tool for step-by-step reasoning is available, use it for {topic}; otherwise number the alternatives yourself.",
    "search": "If a web search is available, look up {topic} and cite the page: a claim until a tool here has confirmed it.",
    "docs": "If a documentation crawler is available, read {topic} in the manual of the version at hand.",
}  # fmt: skip
DISCREET = "Send such tools no names, rows or values of this database."
WRITING = (
    "Nothing is written but by `apply_change`, after the user has seen `review_change` and said yes. If a person must "
    "approve in a terminal, give the user the command and wait."
)


class Text(BaseModel):
    """A part of a text file; closed, so that a misspelt key is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(Text):
    """One step: a tool, and what to do and look for."""

    tool: str = Field(description="Tool of this server")
    do: str = Field(description="Arguments that matter, and the evidence to expect")
    when: When = Field("", description="Only then; empty for always")

    def line(self, number: int) -> str:
        """Return the step as a numbered line."""
        return f"{number}. `{self.tool}`: {self.do}"


def _step(given: object) -> object:
    return dict(zip(("tool", "do", "when"), given, strict=False)) if isinstance(given, list) else given


Listed = Annotated[Step, BeforeValidator(_step)]
Topics = dict[CompanionName, str]


class PhaseBrief(Text):
    """How to work through one phase."""

    steps: tuple[Listed, ...] = Field(description="In this order")
    ask: tuple[str, ...] = Field(description="Questions for the user")
    stop: str = Field(description="Where to stop")
    voices: dict[str, str] = Field(description="What each of its three experts insists on")
    companions: Topics = Field({}, alias="for", description="What companion servers are good for here")


class CommandBrief(Text):
    """One choice of a command."""

    steps: tuple[Listed, ...] = Field(description="In this order")
    lead: str = Field("database_architect", description="Expert who leads")
    result: str = Field("", description="What it leads to")


class Stage(Text):
    """A part of a worked example."""

    title: str = Field(description="What it is about")
    steps: tuple[Listed, ...] = Field(description="In this order")


def _stage(given: object) -> object:
    return dict(zip(("title", "steps"), given, strict=True)) if isinstance(given, list) else given


class Example(Text):
    """A worked example."""

    promise: str = Field(description="The promise it keeps")
    title: str = Field(description="For lists")
    about: str = Field(description="The user's wish in one sentence")
    ask: str = Field(description="What to ask first")
    companions: Topics = Field({}, alias="for", description="What companion servers are good for here")
    stages: tuple[Annotated[Stage, BeforeValidator(_stage)], ...] = Field(description="In this order")


@functools.cache
def phases() -> dict[int, PhaseBrief]:
    """Return the phases' briefs by number."""
    return {int(number): PhaseBrief.model_validate(found) for number, found in _read("phases")["phases"].items()}


@functools.cache
def commands() -> dict[str, dict[str, CommandBrief]]:
    """Return command → choice → brief."""
    return {
        command: {choice: CommandBrief.model_validate(found) for choice, found in choices.items()}
        for command, choices in _read("commands").items()
    }


@functools.cache
def examples() -> dict[str, Example]:
    """Return the worked examples by name."""
    return {name: Example.model_validate(found) for name, found in _read("examples")["examples"].items()}


def _read(name: str) -> dict[str, dict[str, dict[str, object]]]:
    with (TEXTS / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def numbered(steps: Iterable[Step], start: int = 1) -> str:
    """Return steps as numbered lines."""
    return "\n".join(step.line(number) for number, step in enumerate(steps, start))


def companions(topics: Topics) -> str:
    """Return how companion servers may help, where the client has them."""
    if not topics:
        return ""
    return " ".join([*(COMPANIONS[name].format(topic=topic) for name, topic in topics.items()), DISCREET])
