"""Why an index is advised, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dbmanager.analyzers.indexing.usage import ColumnUse
from dbmanager.model.schema import Index


def reason(index: Index, uses: Iterable[ColumnUse]) -> str:
    """Return what the parts of an index are for: which keys are compared how, what is held so that rows need no look."""
    named = {key.name for key in index.keys} | set(index.include)
    known = [use for use in uses if named & set(use.read) or not use.read]
    parts = [
        _part("equality on", index, [name for use in known for name in use.equal]),
        _part("join on", index, [name for use in known for name in use.joined]),
        _part("range on", index, [name for use in known for name in use.ranged]),
        _part("order by", index, [name for use in known for name in use.ordered]),
        _part("groups by", index, [name for use in known for name in use.grouped]),
    ]
    if any(key.is_expression for key in index.keys):
        parts.append("the expression itself is compared")
    if index.include:
        parts.append(f"holds {', '.join(index.include)} so that the table need not be read")
    if index.where:
        parts.append("only the rows that the condition leaves")
    return "; ".join(part for part in parts if part)


def _part(word: str, index: Index, names: Sequence[str]) -> str:
    found = [key.name for key in index.keys if key.name in names]
    return f"{word} {', '.join(found)}" if found else ""
