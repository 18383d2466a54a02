"""Drives all six phases through a real MCP client over stdio, and sums up what was measured."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio.to_thread
from dbmanager_tools.house import facts_of
from mcp import Client, StdioServerParameters
from mcp.types import TextContent
from rich.console import Console
from rich.table import Table

from dbmanager_server.demo.shop import make_shop

EXPORT = "database-system"


@dataclass(slots=True)
class Demo:
    """A running demonstration: the client, and the figures for the summary."""

    client: Client
    console: Console
    figures: list[tuple[str, str]] = field(default_factory=list)

    async def call(self, what: str, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
        """Call a tool, show that it was done, and return its text and facts.

        Raises: DemoFailed with the tool's own text.
        """
        started = time.perf_counter()

        with self.console.status(what) as status:

            async def progress(progress: float, total: float | None, message: str | None) -> None:
                of = f"/{total:g}" if total else ""
                status.update(f"{what}: {progress:g}{of} {message or ''}")

            result = await self.client.call_tool(tool, arguments, progress_callback=progress)
        text = "".join(block.text for block in result.content if isinstance(block, TextContent))
        if result.is_error:
            raise DemoFailed(f"{tool}: {text}")
        self.console.print(f"  {what} [dim]({tool}, {time.perf_counter() - started:.2f} s)[/dim]", highlight=False)
        facts = facts_of(result)
        return text, facts


class DemoFailed(Exception):
    """A step of the demonstration failed."""


def _leaves(group: BaseExceptionGroup[DemoFailed]) -> list[DemoFailed]:
    found: list[DemoFailed] = []
    for problem in group.exceptions:
        found += _leaves(problem) if isinstance(problem, BaseExceptionGroup) else [problem]
    return found


async def run_demo(db: Path | None, queries: Path | None, folder: Path, seed: int, shop: str) -> int:
    """Run the demonstration and return the exit code."""
    console = Console(highlight=False)
    folder = Path(await anyio.Path(folder).resolve())
    await anyio.to_thread.run_sync(_fresh, folder)
    target = folder / "work.db"
    if db is None:
        console.print(f"Generating the {shop} shop (seed {seed}) ...")
        made = await anyio.to_thread.run_sync(lambda: make_shop(shop, target, seed=seed))
        workload = list(made.queries)
        console.print(f"  {made.rows:,} rows in {target}")
    else:
        await anyio.to_thread.run_sync(_snapshot, db, target)
        workload = await anyio.to_thread.run_sync(_workload, target, queries)
        console.print(f"Working on a copy of {db}; {len(workload)} queries")
    await anyio.to_thread.run_sync(_configure, folder)
    server = StdioServerParameters(command=sys.executable, args=["-m", "dbmanager_server.cli", "serve"], cwd=folder)
    code = 0
    try:
        async with Client(server) as client:
            demo = Demo(client, console)
            await _six_phases(demo, workload)
    except* DemoFailed as failed:
        for problem in _leaves(failed):
            console.print(f"[red]FAILED[/red] {problem}", markup=True)
        code = 1
    if code:
        return code
    summary = Table(title="Measured", show_header=False)
    for name, value in demo.figures:
        summary.add_row(name, value)
    console.print(summary)
    console.print(f"Deliverables: {folder / EXPORT}")
    return 0


async def _six_phases(demo: Demo, workload: list[str]) -> None:
    say, note = demo.console.print, demo.figures
    _, facts = await demo.call("beginning a project", "update_project", goal="Bring the shop into good order",
                               connections=["work"])  # fmt: skip
    project = facts["project"]
    say("[bold]1 Requirements & planning[/bold]")
    await demo.call("assessing the live database", "assess_database", connection="work", project=project)
    say("[bold]2 Architecture & schema design[/bold]")
    text, _ = await demo.call(
        "linting the schema", "check_database", connection="work", pack="schema", limit=60, project=project
    )
    say(text, markup=False)
    note.append(("schema findings", text.splitlines()[0]))
    say("[bold]3 Implementation & optimization[/bold]")
    text, facts = await demo.call("trying indexes on the engine", "advise_indexes", connection="work", queries=workload,
                                  propose=True, drop_unused=True, project=project)  # fmt: skip
    say(text, markup=False)
    change = facts.get("change")
    if change:
        await _apply(demo, change)
    text, facts = await demo.call("measuring the same queries again", "measure_queries", connection="work",
                                  queries=workload, project=project)  # fmt: skip
    if "work_before" in facts:
        before, after = facts["work_before"], facts["work_after"]
        times = f" ({before / after:,.0f} x less)" if after else ""
        note.append(("query work, thousands of steps", f"{before:,.0f} before, {after:,.0f} after{times}"))
    if change:
        await demo.call("undoing the change", "roll_back_change", change=change)
        undone = await demo.call("measuring once more", "measure_queries", connection="work", queries=workload)
        del undone
        note.append(("change set", "applied, verified, measured, undone"))
    await demo.call("keeping figures", "plan_tuning", connection="work", kind="monitoring", project=project)
    say("[bold]4 Migration & integration[/bold]")
    started = time.perf_counter()
    _, facts = await demo.call(
        "planning a copy into an empty database", "plan_migration", source="work", target="copy", project=project
    )
    await _apply(demo, facts["change"])
    took = time.perf_counter() - started
    _, facts = await demo.call("comparing both sides", "verify_data", source="work", target="copy", project=project)
    if not facts["equal"]:
        raise DemoFailed("the copy differs from its source")
    note.append(
        (
            "copied and compared",
            f"{facts['rows']:,} rows in {facts['tables']} tables, {took:.1f} s, all checksums equal",
        )
    )
    say("[bold]5 Governance & security[/bold]")
    text, facts = await demo.call("classifying columns", "classify_data", connection="work", project=project)
    say(text, markup=False)
    note.append(("classified columns", str(facts["classified"])))
    text, _ = await demo.call(
        "checking security", "check_database", connection="work", pack="security", project=project
    )
    say(text, markup=False)
    note.append(("security findings", text.splitlines()[0]))
    text, _ = await demo.call("verifying the audit log", "verify_audit_log", project=project)
    note.append(("audit log", text))
    say("[bold]6 Backup & disaster recovery[/bold]")
    _, facts = await demo.call("backing up", "run_backup", connection="work", project=project)
    note.append(("backup", f"{facts['size_bytes'] / 1e6:.1f} MB in {facts['seconds']:.2f} s"))
    _, facts = await demo.call("restoring it elsewhere and comparing", "run_drill", connection="work", project=project)
    if not facts["passed"]:
        raise DemoFailed("the restore differs from the backup")
    note.append(("restore drill", f"passed, restored in {facts['restore_seconds']:.2f} s"))
    text, _ = await demo.call("writing the deliverables", "export_deliverables", project=project, folder=EXPORT)
    note.append(("deliverables", text.splitlines()[0]))
    text, _ = await demo.call("looking at the gates", "project_status", project=project)
    say(text, markup=False)


async def _apply(demo: Demo, change: str) -> None:
    """Approve as this demonstration's person would: by the token that the review gives."""
    text, _ = await demo.call("reviewing the change", "review_change", change=change)
    token = text.partition("confirm_token='")[2].partition("'")[0]
    await demo.call("applying the approved change", "apply_change", change=change, confirm_token=token)


def _fresh(folder: Path) -> None:
    """Empty the demonstration's own folder; one that holds anything else is left alone."""
    mark = folder / ".dbmanager-demo"
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise SystemExit(f"{folder} is not a folder of this demonstration; give another with --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    mark.touch()


def _snapshot(source: Path, target: Path) -> None:
    """Copy a person's file by SQLite's backup, which reads it only.

    Raises: SystemExit with a sentence when it is no database or has no table.
    """
    origin = sqlite3.connect(f"file:{quote(str(source.resolve()))}?mode=ro", uri=True)
    copy = sqlite3.connect(target)
    try:
        origin.backup(copy)
        tables = copy.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table'").fetchone()[0]
    except sqlite3.DatabaseError as problem:
        raise SystemExit(f"{source} can't be read as a SQLite database: {problem}") from None
    finally:
        origin.close()
        copy.close()
    if not tables:
        raise SystemExit(f"{source} holds no table to work on")


def _workload(path: Path, queries: Path | None) -> list[str]:
    """Return the queries of a file, else one lookup per reference of the schema."""
    if queries is not None:
        return [part.strip() for part in queries.read_text("utf-8").split(";") if part.strip()]
    raw = sqlite3.connect(path)
    try:
        found = raw.execute(
            "SELECT s.name, f.\"from\" FROM sqlite_schema AS s JOIN pragma_foreign_key_list(s.name) AS f WHERE s.type = 'table'"
        ).fetchall()
        lookups = []
        for table, column in found:
            value = raw.execute(f'SELECT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL LIMIT 1').fetchone()  # noqa: S608
            if value is not None and isinstance(value[0], int):
                lookups.append(f'SELECT count(*) FROM "{table}" WHERE "{column}" = {value[0]}')  # noqa: S608
        tables = [row[0] for row in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table' LIMIT 5")]
    finally:
        raw.close()
    return lookups or [f'SELECT count(*) FROM "{name}"' for name in tables]  # noqa: S608 - names from the catalog


def _configure(folder: Path) -> None:
    sqlite3.connect(folder / "copy.db").executescript("PRAGMA user_version = 1")
    (folder / "dbmanager.toml").write_text(
        'backup_dir = "backups"\n\n[store]\ndata_dir = "state"\n\n'
        '[connections.work]\nurl = "sqlite:///work.db"\naccess = "read_write"\n\n'
        '[connections.copy]\nurl = "sqlite:///copy.db"\naccess = "read_write"\n',
        "utf-8",
    )
