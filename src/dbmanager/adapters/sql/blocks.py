"""Named SQL blocks from `sql/*.sql` files, headed by purpose and minimum version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

_HEAD = re.compile(r"^--\s*name:\s*(?P<name>[a-z0-9_]+)\s*$", re.M)
_FIELD = re.compile(r"^--\s*(?P<key>purpose|min_version|max_version|requires|unless):\s*(?P<value>.+?)\s*$", re.M)


@dataclass(frozen=True, slots=True)
class Block:
    """One statement: its name, what it is for, and the servers it runs on.

    Attributes:
        min_version: inclusive, as `max_version`.
        requires: a word of the server's capabilities that it needs; of several such blocks the first that fits is used.
        unless: a word of the server's capabilities that it must not have.
    """

    name: str
    purpose: str
    sql: str
    min_version: int | None = None
    max_version: int | None = None
    requires: str | None = None
    unless: str | None = None


@cache
def blocks(package: str) -> dict[str, Block]:
    """Return every block of the `sql` folder of an engine package, by name."""
    found: dict[str, Block] = {}
    folder = resources.files(package) / "sql"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            for block in parse(file.read_text("utf-8")):
                if block.name in found:
                    raise ValueError(f"SQL block {block.name!r} is defined twice in {package}")
                found[block.name] = block
    return found


def parse(text: str) -> list[Block]:
    """Split a file into its blocks; each starts with `-- name:` and states its `-- purpose:`."""
    heads = list(_HEAD.finditer(text))
    result = []
    for number, head in enumerate(heads):
        body = text[head.end() : heads[number + 1].start() if number + 1 < len(heads) else len(text)]
        fields = {m["key"]: m["value"] for m in _FIELD.finditer(body)}
        sql = _FIELD.sub("", body).strip().rstrip(";")
        if not sql or "purpose" not in fields:
            raise ValueError(f"SQL block {head['name']!r} lacks a statement or its purpose")
        low, high = (int(fields[k]) if k in fields else None for k in ("min_version", "max_version"))
        result.append(
            Block(head["name"], fields["purpose"], sql, low, high, fields.get("requires"), fields.get("unless"))
        )
    return result
