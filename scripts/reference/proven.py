"""Where each check and tool was shown: from the check registry and the tests' own tables, as the guides read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scripts.reference.checks import CheckRow
from tests.engine_versions import VERSIONS
from tests.tool_engines import ENGINES, NO_DATABASE, TABLE

PATH = "resources/dbmanager_resources/texts/proven.toml"
PRODUCTS = {"mysql": ("mysql", "mariadb")}
"""What one adapter's engine is called where several products share it."""


def proven(checks: Mapping[str, Iterable[CheckRow]]) -> str:
    """Return the file's text."""
    rows = [row for found in checks.values() for row in found]
    shown = {
        row.check.id: [name for engine in row.check.engines for name in PRODUCTS.get(engine, (engine,))] for row in rows
    }
    tools: dict[str, list[str]] = {tool: [] for tool in NO_DATABASE}
    for engine in ENGINES:
        for tool, how in TABLE[engine].items():
            tools.setdefault(tool, []).extend([engine] if how.state == "tested" else [])
    lines = ["# Written by `make docs` from the check registry, tests/tool_engines.py and tests/engine_versions.py."]
    for title, table in (("versions", VERSIONS), ("checks", shown), ("tools", tools)):
        lines += ["", f"[{title}]"]
        for name, values in sorted(table.items(), key=lambda item: _order(title, item[0])):
            listed = ", ".join(f'"{value}"' for value in (values if title == "versions" else sorted(values)))
            lines.append(f"{name} = [{listed}]")
    return "\n".join(lines) + "\n"


def _order(title: str, name: str) -> tuple[int, str]:
    return (list(VERSIONS).index(name), "") if title == "versions" else (0, name)
