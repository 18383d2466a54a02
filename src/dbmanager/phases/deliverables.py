"""Renders a project's evidence as a `database-system/` tree; each file names its evidence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread

from dbmanager.adapters.facets import Adapter, Unsupported
from dbmanager.analyzers.charts.png import png, why_not
from dbmanager.analyzers.diagrams.mermaid import er_diagrams
from dbmanager.errors import InvalidStatement
from dbmanager.model.projects import Evidence, Project, phase_status
from dbmanager.model.schema import DatabaseSchema
from dbmanager.services.connections import Connections

MARK = ".dbmanager-project"


@dataclass(frozen=True, slots=True)
class Export:
    """Where the tree is, and its files relative to it."""

    root: Path
    files: tuple[str, ...]


async def export(project: Project, connections: Connections, root: Path) -> Export:
    """Write the tree. Files of an earlier export of the same project are replaced; a foreign folder is refused."""
    files: dict[str, str] = {}
    for name in project.connections:
        adapter = await connections.adapter(name)
        files.update(await _architecture(name, adapter))
        files.update(_backup_script(name, adapter))
    for kind, make in _FROM_EVIDENCE.items():
        evidence = project.latest(kind)
        if evidence is not None:
            for path, body in make(evidence).items():
                files[path] = _headed(evidence, body) if path.endswith(".md") else body
    pictures = await anyio.to_thread.run_sync(_pictures, files)
    files["README.md"] = _index(project, sorted([*files, *pictures]))
    await anyio.to_thread.run_sync(_write, root, project.id, files, pictures)
    return Export(root, tuple(sorted([*files, *pictures])))


def _pictures(files: dict[str, str]) -> dict[str, bytes]:
    """Return each SVG as PNG, where this machine can draw one."""
    if why_not() is not None:
        return {}
    return {path.removesuffix(".svg") + ".png": png(body) for path, body in files.items() if path.endswith(".svg")}


def _write(root: Path, project_id: str, files: dict[str, str], pictures: dict[str, bytes]) -> None:
    mark = root / MARK
    if root.exists() and any(root.iterdir()) and (not mark.exists() or mark.read_text() != project_id):
        raise InvalidStatement(
            f"folder {root.name!r} holds something else already", hint="Give another folder name; nothing was written."
        )
    for path, body in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(body if body.endswith("\n") else body + "\n", "utf-8")
        if path.endswith((".sh", ".py")):
            target.chmod(0o755)
    for path, picture in pictures.items():
        (root / path).write_bytes(picture)
    mark.write_text(project_id)


COMMANDS = {"mongodb": "jsonl"}
"""Endings of files of statements that are no SQL, by dialect."""


async def _architecture(name: str, adapter: Adapter) -> dict[str, str]:
    schema = await adapter.catalog.read_schema()
    statements: list[str] = []
    indexes: list[str] = []
    if isinstance(adapter.emit, Unsupported):
        return {f"architecture/schemas/{name}.md": _outline(name, schema)} if schema.tables else {}
    is_sql = adapter.dialect not in COMMANDS
    for table in schema.base_tables():
        statements += adapter.emit.create_table(table, source_engine=adapter.engine).statements
        for index in table.indexes:
            if not index.backs_constraint:
                made = adapter.emit.create_index(table, index).statements[0]
                indexes += [(index.definition or made) if is_sql else made]
    ending = COMMANDS.get(adapter.dialect, "sql")
    files = (
        {f"architecture/schemas/{name}.{ending}": _script(statements, ";\n\n" if is_sql else "\n")}
        if statements
        else {}
    )
    if indexes:
        files[f"architecture/indexes/{name}.{ending}"] = _script(indexes, ";\n" if is_sql else "\n")
    diagrams = er_diagrams(schema)
    if diagrams:
        files[f"architecture/relationships/{name}.md"] = f"# Entities and relations of {name}\n\n" + "\n\n".join(
            f"```mermaid\n{diagram}\n```" for diagram in diagrams
        )
    return files


def _outline(name: str, schema: DatabaseSchema) -> str:
    """Describe the tables of an engine that declares none: what was found in them."""
    rows = [(f"`{t.name}`", ", ".join(c.name for c in t.columns), t.comment or "") for t in schema.tables]
    return f"# What {name} holds\n\n" + _rows(("name", "columns", "found"), rows)


def _script(statements: Sequence[str], between: str) -> str:
    """Return statements as one file: SQL ends each with a semicolon, commands stand one on a line."""
    return between.join(statements) + between.strip(" ").rstrip("\n") + ("" if ";" in between else "\n")


def _backup_script(name: str, adapter: Adapter) -> dict[str, str]:
    """Return the engine's own way to back up, as a script; none where the engine has none."""
    made = adapter.backup_scripts.script(name)
    if isinstance(made, Unsupported):
        return {}
    return {f"backup-recovery/backup-scripts/{name}.{made.ending}": made.text}


def _headed(evidence: Evidence, body: str) -> str:
    stamp = evidence.created_at.isoformat(timespec="seconds")
    return f"{body}\n\nEvidence: {evidence.kind}, {evidence.title}, {stamp}."


def _rows(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["|" + "|".join(head) + "|", "|" + "---|" * len(head)]
    return "\n".join(lines + ["|" + "|".join(str(v).replace("|", "\\|") for v in row) + "|" for row in rows])


def _requirements(evidence: Evidence) -> dict[str, str]:
    record = evidence.payload
    rows = [(e["name"], e["rows"]["value"], f"`{e['rows']['query']}`") for e in record["entities"]]
    body = (
        f"# Requirements\n\nGoal: {record['goal']}\n\n{record['engine']} {record['version']}\n\n"
        + _rows(("table", "rows", "query"), rows)
        + "\n\n## Risks\n\n"
        + "\n".join(f"- {risk}" for risk in record["risks"])
        + "\n\n## For the person\n\n"
        + "\n".join(f"- {question}" for question in record["open_questions"])
    )
    return {
        "documentation/architecture-docs/requirements.md": body,
        "documentation/architecture-docs/requirements.json": json.dumps(record, indent=2),
    }


def _findings(path: str, title: str) -> Any:
    def make(evidence: Evidence) -> dict[str, str]:
        rows = [(f["severity"], f["id"], f["object"], f["title"]) for f in evidence.payload["findings"]]
        return {path: f"# {title}\n\n" + _rows(("severity", "check", "object", "finding"), rows)}

    return make


def _advice(evidence: Evidence) -> dict[str, str]:
    rows = [(a["table"], ", ".join(a["keys"]), a["queries"], a["size_bytes"]) for a in evidence.payload["create"]]
    return {
        "architecture/indexes/advice.md": f"# Index advice\n\nMethod: {evidence.payload['method']}\n\n"
        + _rows(("table", "keys", "used by queries", "bytes"), rows)
    }


def _applied(evidence: Evidence) -> dict[str, str]:
    tables = evidence.payload["tables"]
    rows = [(name, part) for name in sorted(tables) for part in sorted(tables[name])]
    return {"architecture/schemas/applied.md": "# Applied and read again\n\n" + _rows(("table", "has"), rows)}


def _statements(evidence: Evidence) -> dict[str, str]:
    """Return scripts that make the same changes again, and that take them back."""
    forward = [";\n".join(step["statements"]) for step in evidence.payload["steps"]]
    back = [";\n".join(step["inverse"]) for step in reversed(evidence.payload["steps"]) if step["inverse"]]
    return {
        f"architecture/schemas/{name}.sql": ";\n\n".join(texts) + ";\n"
        for name, texts in (("applied", forward), ("undo", back))
        if texts
    }


def _settings(evidence: Evidence) -> dict[str, str]:
    rows = [
        (s["setting"], s["current"], s["proposed"], s["measured"], s["formula"]) for s in evidence.payload["settings"]
    ]
    return {
        "optimization/configuration/settings.md": "# Settings\n\n"
        + _rows(("setting", "now", "proposed", "measured", "formula"), rows)
    }


def _measured(evidence: Evidence) -> dict[str, str]:
    rows = [
        (f"`{' '.join(q['query'].split())}`", q["before"], q["after"], q["before_ms"], q["after_ms"])
        for q in evidence.payload["queries"]
    ]
    return {
        "documentation/performance-docs/measurements.md": "# Before and after\n\n"
        + _rows(("query", "work before", "work after", "ms before", "ms after"), rows),
        **_workload([q["query"] for q in evidence.payload["queries"]]),
    }


def _workload(queries: Sequence[str]) -> dict[str, str]:
    if all(query.lstrip().startswith(("{", "[")) for query in queries):
        return {"optimization/queries/workload.jsonl": _script(queries, "\n")}
    return {"optimization/queries/workload.sql": _script(queries, ";\n")}


def _asked(evidence: Evidence) -> dict[str, str]:
    record = evidence.payload
    total = record["total_ms"] or 1
    rows = [
        (f"{100 * (one['total_ms'] or 0) / total:.1f}", one["calls"], one["rows"], one["kind"], one["routine"] or "",
         f"`{' '.join(one['text'].split())}`")
        for one in record["statements"]
    ]  # fmt: skip
    found = [(f["severity"], f["id"], f["object"], f["title"]) for f in record["findings"]]
    body = (
        f"# What {record['connection']} is asked\n\nCounted by {record['source']}, {record['total_ms']:,.1f} ms in all, "
        f"{record['skipped']} statements skipped. Values are folded.\n\n"
        + _rows(("% of time", "calls", "rows", "kind", "routine", "statement"), rows)
        + ("\n\n" + _rows(("severity", "check", "statement", "finding"), found) if found else "")
    )
    return {"optimization/queries/workload.md": body}


def _caching(evidence: Evidence) -> dict[str, str]:
    files = {"optimization/caching/plan.md": f"# What to cache\n\n{evidence.payload['text']}"}
    refreshes = evidence.payload.get("refreshes", ())
    if refreshes:
        files["optimization/caching/refresh.sql"] = "".join(
            f"-- every {one['every_seconds']:g} s\n{one['statement']};\n" for one in refreshes
        )
    return files


def _monitoring(evidence: Evidence) -> dict[str, str]:
    record = evidence.payload
    pictures = "\n\n".join(f"![{name[:-4]}]({name})" for name in sorted(record["charts"]))
    if record["charts"] and (why := why_not()) is not None:
        pictures += f"\n\nNo PNG beside the SVG: {why}."
    folder = "optimization/monitoring"
    return {
        f"{folder}/{record['connection']}.md": f"# {record['connection']} over time\n\n{record['text']}\n\n{pictures}".strip(),
        **{f"{folder}/{name}": body for name, body in record["charts"].items()},
    }


def _plain(path: str, title: str) -> Any:
    def make(evidence: Evidence) -> dict[str, str]:
        rows = [(key, value) for key, value in sorted(evidence.payload.items()) if not isinstance(value, list | dict)]
        return {path: f"# {title}\n\n" + _rows(("figure", "value"), rows)}

    return make


def _classified(evidence: Evidence) -> dict[str, str]:
    rows = [
        (c["column"], c["type"], c["level"], c["certainty"], " ".join(c["regimes"]))
        for c in evidence.payload["columns"]
    ]
    return {
        "governance/policies/classification.md": "# Classified columns\n\n"
        + _rows(("column", "type", "level", "certainty", "regimes"), rows)
    }


_FROM_EVIDENCE: dict[str, Any] = {
    "requirements": _requirements,
    "check_schema": _findings("documentation/architecture-docs/schema-findings.md", "Schema findings"),
    "schema_applied": _applied,
    "schema_statements": _statements,
    "index_advice": _advice,
    "measured_change": _measured,
    "workload": _asked,
    "caching_plan": _caching,
    "copy": _plain("migration/etl-processes/copy.md", "Tables copied"),
    "copy_verified": _plain("migration/validation/comparison.md", "Source and target compared"),
    "classification": _classified,
    "check_health": _findings("optimization/monitoring/health-findings.md", "Health findings"),
    "tuning_configuration": _settings,
    "monitoring": _monitoring,
    "check_security": _findings("governance/security/findings.md", "Security findings"),
    "audit_verified": _plain("governance/audit-logs/verification.md", "Audit log verified"),
    "backup": _plain("backup-recovery/documentation/backup.md", "Backup"),
    "drill": _plain("backup-recovery/testing/drill.md", "Restore drill"),
}


def _index(project: Project, paths: Sequence[str]) -> str:
    lines = [
        f"# {project.goal}",
        "",
        f"Project {project.id}. Connections: {', '.join(project.connections)}.",
        "",
        "## Phases",
        "",
    ]
    for status in phase_status(project):
        missing = "; ".join(f"{d.what} (`{d.action}`)" for d in status.missing)
        lines.append(
            f"- {status.phase.number} {status.phase.title}: {status.state}"
            + (f", missing: {missing}" if missing else "")
        )
    lines += (
        ["", "## Decisions", "", *(f"- {d.title}: {d.reason}" for d in project.decisions)] if project.decisions else []
    )
    return "\n".join([*lines, "", "## Files", "", *(f"- [{path}]({path})" for path in paths)])
