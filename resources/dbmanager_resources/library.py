"""The `dbm://` resources: connections, schemas, projects, deliverables, changes, jobs, findings, audit, guides."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from dbmanager.analyzers.describe.markdown import table as markdown_table
from dbmanager.analyzers.describe.outline import outline
from dbmanager.analyzers.describe.workflow import change_text, connection_text, job_text, project_text
from dbmanager.errors import DbManagerError, NotFound
from dbmanager.model.projects import PHASES
from dbmanager.model.queries import Cell
from dbmanager.services.container import Services
from dbmanager_resources import exports, guidance
from dbmanager_resources.completions import CORE_GUIDE, add_completions, guide_names
from dbmanager_resources.experts import BY_NAME, EXPERTS, core_text
from dbmanager_resources.prompts import phase_text

MARKDOWN = "text/markdown"
SCHEMA_TOKENS = 8_000
NEWEST = 20
MOST_FILES = 1_000
MOST_FINDINGS = 200
Read = Callable[..., Awaitable[str]]


def add_resources(server: MCPServer[Any], services: Services) -> None:
    """Register every resource, template and completion."""
    library = Library(services)
    for uri, read, title in library.shelves():
        told = _told(read, services)
        server.resource(uri, name=read.__name__, title=title, description=read.__doc__, mime_type=MARKDOWN)(told)
    add_completions(server, services)


def _told(read: Read, services: Services) -> Read:
    """Turn our errors into the protocol's, and strike secrets out of what is read."""

    @functools.wraps(read)
    async def tell(**arguments: str) -> str:
        try:
            return services.redactor.text(await read(**arguments))
        except NotFound as missing:
            raise ResourceNotFoundError(services.redactor.text(missing.sentence())) from None
        except DbManagerError as problem:
            raise ResourceError(services.redactor.text(f"{problem.code}: {problem.sentence()}")) from None

    return tell


@dataclass(frozen=True, slots=True)
class Library:
    """What can be read of a running server; every text is bounded, none holds a row's value in clear."""

    services: Services

    def shelves(self) -> Iterable[tuple[str, Read, str]]:
        """Return address, reader and title of every resource."""
        return (
            ("dbm://connections", self.connections, "Connections"),
            ("dbm://connections/{connection}/schema", self.schema, "Schema"),
            ("dbm://connections/{connection}/tables/{table}", self.table, "Table"),
            ("dbm://projects", self.projects, "Projects"),
            ("dbm://projects/{project}", self.project, "Project"),
            ("dbm://projects/{project}/findings", self.findings, "Findings"),
            ("dbm://deliverables", self.deliverables, "Deliverables"),
            ("dbm://deliverables/{+path}", self.deliverable, "Deliverable"),
            ("dbm://changes", self.changes, "Change sets"),
            ("dbm://changes/{change}", self.change, "Change set"),
            ("dbm://jobs", self.jobs, "Jobs"),
            ("dbm://jobs/{job}", self.job, "Job"),
            ("dbm://results/{result}", self.result, "Long answer"),
            ("dbm://audit", self.audit, "Audit log"),
            ("dbm://guides", self.guides, "Guides"),
            ("dbm://guides/{guide}", self.guide, "Guide"),
            ("dbm://experts", self.experts, "Experts"),
            ("dbm://experts/{expert}", self.expert, "Expert"),
        )

    async def connections(self) -> str:
        """Databases by name, with engine, access, environment and who approves changes."""
        known = self.services.connections
        return _lines(connection_text(name, known.settings(name)) for name in known.names())

    async def schema(self, connection: str) -> str:
        """Tables of a connection, one compact line each, within 8,000 tokens."""
        adapter = await self.services.connections.adapter(connection)
        schema = await adapter.catalog.read_schema()
        part = outline(schema, list(schema.tables), detail="compact", budget_tokens=SCHEMA_TOKENS)
        left = f"\n{part.total - part.shown} left out: use describe_schema." if part.next_table is not None else ""
        return f"{schema.engine} {schema.version}: {part.total} tables and views\n{part.text}{left}"

    async def table(self, connection: str, table: str) -> str:
        """One table with everything declared, and how its columns are classified."""
        adapter = await self.services.connections.adapter(connection)
        schema = await adapter.catalog.read_schema()
        found = schema.table(table)
        known = await self.services.labels.labels(connection, adapter, schema, found)
        labels = {(found.schema, found.name): {label.column: label.type for label in known}}
        return outline(schema, [found], detail="full", budget_tokens=SCHEMA_TOKENS, labels=labels).text

    async def projects(self) -> str:
        """Projects, the newest first."""
        ids = (await self.services.projects.ids())[:NEWEST]
        found = [await self.services.projects.get(id_) for id_ in ids]
        return _lines(f"- {project.id}: {project.goal}" for project in found)

    async def project(self, project: str) -> str:
        """A project's gates, what is missing and its decisions."""
        return project_text(await self.services.projects.get(project))

    async def findings(self, project: str) -> str:
        """The latest findings kept as evidence of a project, at most 200 of each pack."""
        found = await self.services.projects.get(project)
        kept = [
            item
            for kind in ("check_schema", "check_security", "check_health")
            if (item := found.latest(kind)) is not None
        ]
        lines = []
        for item in kept:
            findings = item.payload["findings"]
            lines += [f"- {f['severity']} {f['id']} {f['object']}: {f['title']}" for f in findings[:MOST_FINDINGS]]
            if len(findings) > MOST_FINDINGS:
                lines.append(f"{len(findings) - MOST_FINDINGS} left out: check_database shows them all.")
        return _lines(lines)

    async def deliverables(self) -> str:
        """Files of the last export into `database-system/`, at most 1,000."""
        files = await exports.files(self.services)
        left = f"\n{len(files) - MOST_FILES} left out." if len(files) > MOST_FILES else ""
        return _lines(f"- dbm://deliverables/{name}" for name in files[:MOST_FILES]) + left

    async def deliverable(self, path: str) -> str:
        """One exported file, its beginning where it is longer than 400,000 characters."""
        return await exports.read(self.services, path)

    async def changes(self) -> str:
        """Change sets, the newest first."""
        found = (await self.services.changes.all())[:NEWEST]
        return _lines(f"- {change.id} on {change.plan.connection}: {change.plan.title}, {change.state.value}" for change in found)  # fmt: skip

    async def change(self, change: str) -> str:
        """A change set with every step and how it stands."""
        found = await self.services.changes.get(change)
        return change_text(found, self.services.connections.settings(found.plan.connection))

    async def jobs(self) -> str:
        """Jobs, the newest first."""
        return _lines(job_text(job).splitlines()[0] for job in await self.services.jobs.newest(NEWEST))

    async def job(self, job: str) -> str:
        """How a job stands, and its result."""
        return job_text(await self.services.jobs.get(job))

    async def result(self, result: str) -> str:
        """A whole answer that was too long for one message; kept for a day."""
        return (await self.services.results.read(result)).text

    async def audit(self) -> str:
        """The newest entries of the audit log; verify_audit_log tells whether it is intact."""
        entries = await self.services.audit.newest(NEWEST)
        rows: list[list[Cell]] = [[e.number, e.at, e.actor, e.action, e.object_name, e.outcome] for e in entries]
        return markdown_table(["", "at", "actor", "action", "object", "outcome"], rows)

    async def guides(self) -> str:
        """Guides by name: how to work, the phases, best practices, troubleshooting."""
        phases = (f"- dbm://guides/{phase.number}: phase {phase.number}, {phase.title}" for phase in PHASES)
        named = (f"- dbm://guides/{name}: {title}" for name, title in guidance.index())
        return _lines([f"- dbm://guides/{CORE_GUIDE}: working with any database here", *phases, *named])

    async def guide(self, guide: str) -> str:
        """A guide of dbm://guides: core, a phase (1 to 6), best practices with the checks that test them, troubleshooting."""
        numbers = {str(item.number): item for item in PHASES}
        if guide == CORE_GUIDE:
            return core_text()
        if guide in numbers:
            return phase_text(numbers[guide], "", "")
        if guide not in guidance.names():
            raise NotFound.of("guide", guide, guide_names())
        return guidance.guide_text(guide)

    async def experts(self) -> str:
        """Experts by name and focus."""
        return _lines(f"- dbm://experts/{expert.name}: {expert.title}, {expert.focus}" for expert in EXPERTS)

    async def expert(self, expert: str) -> str:
        """An expert's focus, techniques, and the tools that give evidence."""
        if expert not in BY_NAME:
            raise NotFound.of("expert", expert, BY_NAME)
        return BY_NAME[expert].text()


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines) or "(none)"
