"""Comparing two databases as a piece of work, done at once or by the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbmanager.adapters.facets import Progress
from dbmanager.analyzers.describe import markdown
from dbmanager.errors import NotFound
from dbmanager.model.jobs import Outcome
from dbmanager.phases.migration.verify import compare
from dbmanager.services.container import Services
from dbmanager.services.jobs import Jobs

COMPARE = "verify_data"
CHECKSUM_SHOWN = 12


def register(jobs: Jobs) -> None:
    """Make the kind known."""
    jobs.register(COMPARE, compare_work)


async def compare_work(services: Services, arguments: Mapping[str, Any], progress: Progress) -> Outcome:
    """Compare tables (`source`, `target`, `tables` or None for all, `target_schema`, `project`).

    Raises: InvalidStatement when both names lead to one database and a table would be compared with itself.
    """
    source, target, project = str(arguments["source"]), str(arguments["target"]), arguments.get("project")
    found = await compare(
        await services.connections.adapter(source),
        await services.connections.adapter(target),
        arguments.get("tables") or [],
        arguments.get("target_schema"),
        progress=progress,
        are_one=services.connections.are_one(source, target),
    )
    rows = [
        [c.table, c.source.rows, c.target.rows if c.target else None, c.source.checksum[:CHECKSUM_SHOWN],
         c.target.checksum[:CHECKSUM_SHOWN] if c.target else None, "equal" if c.equal else "DIFFERENT"]
        for c in found
    ]  # fmt: skip
    equal = all(c.equal for c in found)
    total = sum(c.source.rows for c in found)
    if not found:
        raise NotFound(f"there are no tables to compare in {source!r}", object_name=source)
    if equal:
        payload = {"source": source, "target": target, "tables": len(found), "rows": total}
        await services.keep_evidence(project, "copy_verified", f"{total} rows equal on both sides", payload)
    verdict = f"{len(found)} tables, {total} rows: {'all equal' if equal else 'NOT equal'}."
    return Outcome(
        markdown.table(["table", "rows", "rows there", "checksum", "checksum there", ""], rows) + "\n\n" + verdict,
        {"equal": equal, "tables": len(found), "rows": total},
    )
