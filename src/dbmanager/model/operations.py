"""MongoDB's own record of an operation, as its profiler and its log write it in the same words, as a statement.

Source: https://www.mongodb.com/docs/manual/reference/database-profiler/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dbmanager.model.workload import WorkloadStatement

LEFT_OUT = frozenset(("lsid", "$db", "$clusterTime", "$readPreference", "txnNumber", "autocommit", "startTransaction", "apiVersion",
                      "cursor", "maxTimeMS", "comment", "ordered", "writeConcern", "readConcern", "stmtIds"))  # fmt: skip
COMMANDS = ("find", "aggregate", "count", "distinct", "update", "delete", "insert", "findAndModify")
APPLICATION = "dbmanager"
_LARGEST = 1e18


def operation(entry: Mapping[str, Any], database: str | None = None) -> WorkloadStatement | None:
    """Return one operation of the log or the profiler; None for those of another database, of ours, or of no kind known."""
    place, _, collection = str(entry.get("ns", "")).partition(".")
    if (database is not None and place != database) or str(entry.get("appName", "")).startswith(APPLICATION):
        return None
    command = _command(entry, collection)
    if command is None or collection.startswith("system."):
        return None
    text = json.dumps(command, ensure_ascii=False)
    taken = number(entry.get("durationMillis", entry.get("millis")))
    changed = sum(int(number(entry.get(name)) or 0) for name in ("nreturned", "nModified", "ninserted", "ndeleted"))
    examined = number(entry.get("docsExamined"))
    return WorkloadStatement(
        str(entry.get("planCacheShapeHash") or entry.get("queryHash") or ""), text, 1, taken,
        changed, None if examined is None else int(examined),
        temporary_tables=1 if entry.get("usedDisk") else None, samples=(text,),
    )  # fmt: skip


def number(value: object) -> float | None:
    """Return a number that may be a time or a count; None for anything else that a line may hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < _LARGEST else None


def _command(entry: Mapping[str, Any], collection: str) -> dict[str, Any] | None:
    """Return the operation as a command: an update or delete stands alone in the profiler, a getMore has its first."""
    command = entry.get("originatingCommand") or entry.get("command")
    if not isinstance(command, Mapping):
        return None
    name = next((name for name in COMMANDS if name in command), None)
    if name is not None:
        rest = {key: value for key, value in command.items() if key not in LEFT_OUT and key != name}
        return {name: command[name], **rest}
    operation_ = entry.get("op", entry.get("type"))
    if operation_ == "update" and "q" in command:
        return {"update": collection, "updates": [{"q": command["q"], "u": command.get("u")}]}
    if operation_ in ("remove", "delete") and "q" in command:
        return {"delete": collection, "deletes": [{"q": command["q"], "limit": command.get("limit", 0)}]}
    return None
