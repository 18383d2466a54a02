"""Every check, with the advice that its judge writes into a fix, read from the judge's own source."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dbmanager.adapters.registry import ENGINES
from dbmanager.analyzers.schema_lint.lint import RULES
from dbmanager.model.findings import Check, QueryCheck

TITLES = {
    "postgresql": "PostgreSQL, security and health",
    "sqlite": "SQLite, security and health",
    "mysql": "MySQL and MariaDB, security and health",
    "mongodb": "MongoDB, security, design and health",
    "redis": "Redis and Valkey, security, keys and health",
}
"""What each engine's part is called, in the order of the page."""


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check as its page shows it; names in braces stand for the object found."""

    check: Check[Any]
    engines: str
    fix: str


def checks() -> dict[str, list[CheckRow]]:
    """Return the checks by pack and engine."""
    packs: dict[str, tuple[Check[Any], ...]] = {"Schema (every SQL engine)": RULES}
    packs |= {TITLES[engine]: checks_of(engine) for engine in sorted(ENGINES, key=list(TITLES).index)}
    return {
        title: [CheckRow(check, ", ".join(sorted(check.engines)), fix_of(check.judge)) for check in found]
        for title, found in packs.items()
    }


def checks_of(engine: str) -> tuple[QueryCheck, ...]:
    """Return the checks that a registered engine's folder holds, of every pack."""
    package = ENGINES[engine].module.rpartition(".")[0]
    found: tuple[QueryCheck, ...] = importlib.import_module(f"{package}.checks").CHECKS
    return found


def fix_of(judge: Callable[..., Any]) -> str:
    """Return the advice of a judge, and its statement and inverse where they are data.

    Raises:
        ValueError: the judge gives no advice.
    """
    held = inspect.getclosurevars(judge).nonlocals
    if "advice" in held:
        return _as_data(held)
    found = _advice(judge)
    if found is None:
        raise ValueError(f"{judge.__name__} gives no advice")
    return found


def _as_data(held: Mapping[str, Any]) -> str:
    """Return advice with the statements of a fix; where they come with each finding, say so."""
    text, statement, inverse = (str(held.get(name) or "") for name in ("advice", "statement", "inverse"))
    if statement.isidentifier():
        return f"{text} The finding holds the command" + (" and the one that undoes it." if inverse else ".")
    if statement:
        text += f" `{statement}`"
    if inverse:
        text += f", undone by `{inverse}`"
    return text


def _advice(function: Callable[..., Any]) -> str | None:
    """Find the first argument of the `Fix(...)` that a function builds, itself or through one of its module."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id == "Fix" and not isinstance(node.args[0], ast.Name):
            return _text(node.args[0])
        called = function.__globals__.get(node.func.id)
        if inspect.isfunction(called) and called.__module__ == function.__module__:
            passed = node.args[-1] if node.args else None
            found = _text(passed) if passed is not None and _is_text(passed) else None
            found = found or _advice(called)
            if found is not None:
                return found
    return None


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) and _is_text(node.orelse)
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _text(node: ast.expr) -> str:
    """Return a string or f-string, with the name of what is filled in between braces; of two by engine, both."""
    if isinstance(node, ast.IfExp):
        return f"{_text(node.orelse)} MySQL and MariaDB: {_text(node.body)}"
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.FormattedValue):
        return f"{{{_name(node.value)}}}"
    raise ValueError(f"advice is not a text: {ast.unparse(node)}")


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and node.args:
        return _name(node.args[0])
    if isinstance(node, ast.Subscript):
        return _name(node.slice)
    if isinstance(node, ast.Attribute):
        return _name(node.value) if node.attr == "name" else node.attr
    return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)
