"""The command that a timer runs: measures every connection, and says in a line each what was found."""

from __future__ import annotations

from collections.abc import Sequence

import click

from dbmanager.phases.optimization.collecting import Collected, collect
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager_server.app import make_services


async def collect_all(loaded: LoadedConfiguration, connections: Sequence[str]) -> bool:
    """Collect from the named connections, from all when none is named; return whether all went well."""
    services = make_services(loaded)
    try:
        names = list(connections) or services.connections.names()
        for name in names:
            services.connections.settings(name)  # a wrong name ends it before anything is measured
        done = [await collect(services, name) for name in names]
        for one in done:
            click.echo(services.redactor.text(line(one)), err=one.problem is not None or bool(one.undelivered))
    finally:
        await services.close()
    return all(one.problem is None and not one.undelivered for one in done)


def line(one: Collected) -> str:
    """Return what collecting gave, in a line."""
    if one.moment is None:
        return f"{one.connection}: not measured: {one.problem}"
    firing = ", ".join(f"{s.rule} {s.object}".strip() for s in one.states if s.is_firing)
    told = f"; not told: {'; '.join(one.undelivered)}; the next run tries again" if one.undelivered else ""
    return f"{one.connection}: {len(one.moment.metrics)} figures" + (f"; firing: {firing}" if firing else "") + told
