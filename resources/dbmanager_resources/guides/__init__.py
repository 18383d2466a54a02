"""Best practices and troubleshooting guides: rules as data, each naming the checks and tools that test it."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

PRODUCTS = {
    "sqlite": ("sqlite",), "postgresql": ("postgresql",), "mysql": ("mysql", "mariadb"), "mongodb": ("mongodb",),
    "redis": ("redis", "valkey"),
}  # fmt: skip
"""What people call the servers that one adapter speaks to."""
LETTERS = {"PG": "postgresql", "SQ": "sqlite", "MY": "mysql", "MG": "mongodb", "RD": "redis"}
"""The engine that a check's letters stand for; LINT checks name theirs."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what to do, why, and what tests it."""

    rule: str
    reason: str
    checks: tuple[str, ...]
    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide to read: either rules, or the way from a symptom to a fix.

    Attributes:
        evidence: a tool, and what to look at in its answer.
        causes: a likely cause, and its fix.
    """

    name: str
    title: str
    rules: tuple[Rule, ...] = ()
    symptom: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    causes: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """Return the guide as Markdown."""
        if self.rules:
            return f"# {self.title}\n\n" + "\n\n".join(_rule(rule) for rule in self.rules)
        looks = "\n".join(f"{number}. `{tool}`: {what}" for number, (tool, what) in enumerate(self.evidence, 1))
        causes = "\n".join(f"- {cause}: {fix}" for cause, fix in self.causes)
        return (
            f"# {self.title}\n\n{self.symptom}\n\nGather evidence:\n{looks}\n\nLikely causes, and what to do:\n{causes}"
        )


def _rule(rule: Rule) -> str:
    tested = [*(f"`{tool}`" for tool in rule.tools)]
    if rule.checks:
        tested.append(f"`check_database` ({', '.join(rule.checks)}; proven on {proven_on(rule.checks)})")
    return f"**{rule.rule}** {rule.reason} Tested by {', '.join(tested)}."


@functools.cache
def guides() -> dict[str, Guide]:
    """Return every guide by name, practices first."""
    practices = [
        Guide(f"best-practices-{area}", found["title"], tuple(_read(one) for one in found["rules"]))
        for area, found in _data("best_practices").items()
    ]
    troubles = [
        Guide(
            f"troubleshooting-{name}", found["title"], symptom=found["symptom"],
            evidence=tuple((tool, what) for tool, what in found["evidence"]),
            causes=tuple((cause, fix) for cause, fix in found["causes"]),
        )
        for name, found in _data("troubleshooting").items()
    ]  # fmt: skip
    return {guide.name: guide for guide in (*practices, *troubles)}


def _read(found: dict[str, Any]) -> Rule:
    return Rule(found["rule"], found["reason"], tuple(found.get("checks", ())), tuple(found.get("tools", ())))


@functools.cache
def versions() -> dict[str, tuple[str, ...]]:
    """Return the versions of each engine that the checks' tests run on."""
    return {engine: tuple(found) for engine, found in _data("versions").items()}


def proven_on(checks: Iterable[str]) -> str:
    """Return the engines and versions that checks were proven on: those that their tests seed the fault on."""
    engines = sorted({engine for check in checks for engine in _engines(check)}, key=list(PRODUCTS).index)
    products = [product for engine in engines for product in PRODUCTS[engine]]
    return ", ".join(f"{product} {' and '.join(versions()[product])}" for product in products)


def _engines(check: str) -> frozenset[str]:
    letters = check.partition("-")[0]
    return frozenset((LETTERS[letters],)) if letters in LETTERS else _lint_engines()[check]


@functools.cache
def _lint_engines() -> dict[str, frozenset[str]]:
    from dbmanager.analyzers.schema_lint.lint import RULES

    return {rule.id: frozenset(rule.engines) for rule in RULES}


def _data(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text("utf-8"))
