"""Best practices and troubleshooting: rules as data, each with the check or tool that tests it and where it was proved."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from dbmanager_resources.briefs import TEXTS, Text

FOLDER = TEXTS / "guides"
PROVEN = TEXTS / "proven.toml"
"""Written by `make docs` from the check registry and the tests' own tables."""


class Rule(Text):
    """A best practice."""

    rule: str = Field(description="What holds in a good database")
    reason: str = Field(description="Why")
    checks: tuple[str, ...] = Field((), description="Checks that test it")
    tools: tuple[str, ...] = Field((), description="Tools that test it")

    @model_validator(mode="after")
    def _tested(self) -> Rule:
        if not self.checks and not self.tools:
            raise ValueError(f"nothing tests the rule {self.rule!r}")
        return self


class Look(Text):
    """A piece of evidence to gather."""

    tool: str = Field(description="Tool that gives it")
    what: str = Field(description="What to look for")


class Cause(Text):
    """A likely cause."""

    cause: str = Field(description="What may be behind it")
    fix: str = Field(description="What to do")
    checks: tuple[str, ...] = Field((), description="Checks that find it")


def _named(model: type[BaseModel]) -> BeforeValidator:
    """Let a list of values stand for a model's fields in their order."""
    return BeforeValidator(
        lambda given: dict(zip(model.model_fields, given, strict=False)) if isinstance(given, list) else given
    )


class Symptom(Text):
    """What somebody notices, and the way to its cause."""

    symptom: str = Field(description="What is noticed")
    evidence: tuple[Annotated[Look, _named(Look)], ...] = Field(min_length=1, description="To be gathered first")
    causes: tuple[Annotated[Cause, _named(Cause)], ...] = Field(min_length=1, description="The likeliest first")


class Guide(Text):
    """One guide: rules, or symptoms."""

    title: str = Field(description="For lists")
    about: str = Field(description="What it is about")
    rules: tuple[Rule, ...] = Field((), description="Best practices")
    symptoms: tuple[Symptom, ...] = Field((), description="Troubleshooting")

    @property
    def checks(self) -> frozenset[str]:
        """Every check that it names."""
        of_causes = (check for symptom in self.symptoms for cause in symptom.causes for check in cause.checks)
        return frozenset([*(check for rule in self.rules for check in rule.checks), *of_causes])

    @property
    def tools(self) -> frozenset[str]:
        """Every tool that it names as evidence."""
        looks = (look.tool for symptom in self.symptoms for look in symptom.evidence)
        return frozenset([*(tool for rule in self.rules for tool in rule.tools), *looks])


class Proven(Text):
    """Where the tests showed what."""

    versions: dict[str, tuple[str, ...]] = Field(description="Engine → versions that the tests run on")
    checks: dict[str, tuple[str, ...]] = Field(description="Check → engines")
    tools: dict[str, tuple[str, ...]] = Field(description="Tool → engines; none for one that touches no database")

    def where(self, checks: Iterable[str], tools: Iterable[str]) -> list[str]:
        """Return the engines on which any of them was shown, in the order of the versions."""
        shown = {engine for check in checks for engine in self.checks[check]}
        shown |= {engine for tool in tools for engine in self.tools[tool]}
        return [engine for engine in self.versions if engine in shown]


def names() -> list[str]:
    """Return the guides' names, sorted."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


@functools.cache
def guide(name: str) -> Guide:
    """Return a guide by one of the names."""
    return Guide.model_validate(_load(FOLDER / f"{name}.toml"))


@functools.cache
def proven() -> Proven:
    """Return where the tests showed what."""
    return Proven.model_validate(_load(PROVEN))


def _load(file: Path) -> dict[str, object]:
    return tomllib.loads(file.read_text("utf-8"))


def guide_text(name: str) -> str:
    """Return a guide as Markdown, with the engines and versions on which its checks and tools were proved."""
    found = guide(name)
    parts = [f"# {found.title}", found.about]
    parts += [_rule_text(rule) for rule in found.rules]
    parts += [_symptom_text(symptom) for symptom in found.symptoms]
    return "\n\n".join([*parts, _versions(found)])


def _rule_text(rule: Rule) -> str:
    tested = ", ".join([*rule.checks, *(f"`{tool}`" for tool in rule.tools)])
    return f"**{rule.rule}** {rule.reason} Tested by {tested} ({', '.join(proven().where(rule.checks, rule.tools))})."


def _symptom_text(symptom: Symptom) -> str:
    looks = "\n".join(f"{number}. `{look.tool}`: {look.what}" for number, look in enumerate(symptom.evidence, 1))
    causes = "\n".join(
        f"- {cause.cause}: {cause.fix}" + (f" ({', '.join(cause.checks)})." if cause.checks else ".")
        for cause in symptom.causes
    )
    return f"## {symptom.symptom}\n{looks}\n\nLikely causes:\n{causes}"


def _versions(found: Guide) -> str:
    shown = proven().where(found.checks, found.tools)
    each = "; ".join(f"{engine} {', '.join(proven().versions[engine])}" for engine in shown)
    return f"Ids are checks of `check_database`, which says whether they find anything here. Proved on: {each}."


def index() -> list[tuple[str, str]]:
    """Return name and title of every guide."""
    return [(name, guide(name).title) for name in names()]
