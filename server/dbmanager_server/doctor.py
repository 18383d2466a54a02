"""What `dbmanager doctor` tells of each connection: what can be done with it, and what its account could not see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import click

from dbmanager.adapters.facets import Adapter, Unsupported
from dbmanager.adapters.facets.scratch import fresh_name
from dbmanager.errors import ConnectionFailed, DbManagerError
from dbmanager.model.statistics import ServerInfo
from dbmanager.services.checking import run_checks
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services

TABLES = "the tables"


async def examine(loaded: LoadedConfiguration) -> bool:
    """Print what was found of every connection; return whether all of them can be used."""
    services = Services(loaded)
    healthy = True
    try:
        click.echo(f"Configuration: {', '.join(loaded.sources) or 'none found'}")
        for name in services.connections.names():
            settings = services.connections.settings(name)
            click.echo(f"\n{name}: {settings.access}, {settings.environment}, approved by {settings.approval_mode}")
            healthy &= await _examine_one(services, name)
        for line in await services.scratches.clean():
            click.echo(f"\nScratch: {services.redactor.text(line)}")
        if not services.connections.names():
            click.echo("No connection. Write one to dbmanager.toml or give --url sqlite:///file.db")
    finally:
        await services.close()
    return healthy


async def _examine_one(services: Services, name: str) -> bool:
    """Print what one connection can do; a right that is missing takes away its own lines and no more."""
    unseen: list[str] = []
    try:
        adapter = await services.connections.adapter(name)
        for subject, look in _SUBJECTS.items():
            try:
                lines = await look(adapter)
            except ConnectionFailed:
                raise
            except DbManagerError as problem:
                unseen.append(f"could not see {subject}: {problem.sentence()}")
                if subject == TABLES and len(unseen) == _ENOUGH:
                    raise
            else:
                _print(services, lines)
    except DbManagerError as problem:
        _print(services, [f"NOT usable: {problem.sentence()}"])
        return False
    _print(services, unseen)
    return True


def _print(services: Services, lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(services.redactor.text(f"  {line}"))


async def _told_of_server(adapter: Adapter) -> list[str]:
    info = await adapter.catalog.server_info()
    return [*_of_server(info), *_lacking(adapter), *(f"WARNING: {warning}" for warning in info.warnings)]


def _of_server(info: ServerInfo) -> Iterator[str]:
    yield f"{info.engine} {info.version}, database {info.database}, role {info.role or '(none)'}"
    yield f"privileges: {', '.join(info.privileges) or 'none found'}"
    yield f"means: {', '.join(info.capabilities) or 'none'}"


def _lacking(adapter: Adapter) -> Iterator[str]:
    for facet in ("what_if", "backup", "security"):
        found = getattr(adapter, facet)
        if isinstance(found, Unsupported):
            yield f"no {facet}: {found.reason}"


async def _told_of_scratch(adapter: Adapter) -> list[str]:
    if isinstance(adapter.scratch, Unsupported):
        return [f"no scratch: {adapter.scratch.reason}"]
    places = await adapter.scratch.places(fresh_name())
    if isinstance(places, Unsupported):
        return [f"no scratch: {places.reason}"]
    words = {"file": "a file", "database": "a database beside it", "instance": "a private instance here"}
    return ["scratch: " + ", else ".join(words[place.kind] for place in places)]


async def _told_of_tables(adapter: Adapter) -> list[str]:
    tables = list((await adapter.catalog.read_schema()).base_tables())
    return [f"tables: {len(tables)}"]


async def _told_of_checks(adapter: Adapter) -> list[str]:
    """Count the security checks that ran, and tell those that could not by their reason."""
    if isinstance(adapter.security, Unsupported):
        return []
    report = await run_checks(adapter.security, engine=adapter.engine)
    reasons: dict[str, list[str]] = defaultdict(list)
    for id_, reason in report.not_run.items():
        reasons[reason].append(id_)
    return [f"security checks: {len(report.checked)} can run",
            *(f"could not see what {', '.join(ids)} look at: {reason}" for reason, ids in reasons.items())]  # fmt: skip


_SUBJECTS = {
    "the server": _told_of_server,
    TABLES: _told_of_tables,
    "what the checks look at": _told_of_checks,
    "where scratch databases can be made": _told_of_scratch,
}
_ENOUGH = 2
"""So many subjects unseen, the server and its tables, and nothing can be done with the connection."""
