"""Backing up and drilling as pieces of work, done at once or by the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbmanager.adapters.facets import Progress
from dbmanager.analyzers.describe.markdown import size
from dbmanager.errors import NotFound
from dbmanager.model.backups import BackupArtifact
from dbmanager.model.jobs import Outcome
from dbmanager.phases.recovery.drill import back_up, drill
from dbmanager.services.container import Services
from dbmanager.services.jobs import Jobs

BACKUP = "run_backup"
DRILL = "run_drill"


def register(jobs: Jobs) -> None:
    """Make both kinds known."""
    jobs.register(BACKUP, backup_work, scope="write")
    jobs.register(DRILL, drill_work)


async def backup_work(services: Services, arguments: Mapping[str, Any], progress: Progress) -> Outcome:
    """Back up a connection (`connection`, `project` or None)."""
    connection, project = str(arguments["connection"]), arguments.get("project")
    run = await back_up(await services.connections.adapter(connection), connection, services.backups, progress=progress)
    rows = sum(digest.rows for digest in run.digests.values())
    made = run.artifact
    await services.keep_evidence(
        project, "backup", f"backup {run.id} of {connection}",
        {"connection": connection, "backup": run.id, "method": made.method, "seconds": made.elapsed_seconds,
         "size_bytes": made.size_bytes, "sha256": made.sha256, "tables": len(run.digests), "rows": rows,
         "losses": list(made.losses)},
    )  # fmt: skip
    return Outcome(
        f"Backup {run.id}: {made.path} by {made.method}, {size(made.size_bytes)} in {made.elapsed_seconds:.2f} s, "
        f"{len(run.digests)} tables, {rows} rows, sha256 {made.sha256}. Prove it with run_drill." + _told(made),
        {"backup": run.id, "size_bytes": made.size_bytes, "seconds": made.elapsed_seconds},
    )


async def drill_work(services: Services, arguments: Mapping[str, Any], progress: Progress) -> Outcome:
    """Restore and compare a backup (`connection`, `backup` or None for the newest, `project` or None)."""
    connection, project = str(arguments["connection"]), arguments.get("project")
    adapter = await services.connections.adapter(connection)
    chosen = arguments.get("backup") or await services.backups.newest(connection)
    if chosen is None:
        raise NotFound(
            f"there is no backup of {connection!r} yet", object_name=connection, next_actions=("run_backup",)
        )
    async with services.scratches.book(connection) as book:
        report = await drill(adapter, chosen, services.backups, progress=progress, book=book)
    facts: dict[str, Any] = {"backup": chosen, "passed": report.passed, "restore_seconds": report.restore_seconds}
    if not report.passed:
        return Outcome("DRILL FAILED:\n" + "\n".join(f"- {item}" for item in report.differences), facts)
    kept = {
        "connection": connection, **facts, "tables": len(report.restored), "verify_seconds": report.verify_seconds,
        "losses": list(report.artifact.losses)
    }  # fmt: skip
    await services.keep_evidence(project, "drill", f"backup {chosen} restored and compared", kept)
    await services.keep_evidence(
        project, "recovery_time", f"restored in {report.restore_seconds:.2f} s", {"seconds": report.restore_seconds}
    )
    return Outcome(
        f"Backup {chosen} is good: {len(report.restored)} tables restored in {report.restore_seconds:.2f} s, "
        f"all rows and checksums equal (compared in {report.verify_seconds:.2f} s)." + _told(report.artifact),
        facts,
    )


def _told(artifact: BackupArtifact) -> str:
    """Return what a backup lacks as a list, empty where it holds everything."""
    return "".join(f"\n- NOT in it, or not exactly: {loss}." for loss in artifact.losses)
