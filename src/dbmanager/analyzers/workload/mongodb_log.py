"""Reads MongoDB's structured log: the operations that it calls slow.

Source: https://www.mongodb.com/docs/manual/reference/log-messages/
"""

from __future__ import annotations

from collections.abc import Iterator

from dbmanager.analyzers.workload.documents import document
from dbmanager.model.operations import operation
from dbmanager.model.workload import WorkloadStatement


def is_log(beginning: str) -> bool:
    """Whether a text is a log of mongod."""
    return '"msg":' in beginning and '"attr":' in beginning


def statements(text: str, database: str | None = None) -> Iterator[WorkloadStatement]:
    """Yield the operations that the log calls slow; other lines, and what this server itself asked, are passed over."""
    for line in text.splitlines():
        if '"Slow query"' not in line:
            continue
        attributes = (document(line) or {}).get("attr")
        if isinstance(attributes, dict):
            found = operation(attributes, database)
            if found is not None:
                yield found
