"""The `dbmanager` command line; it calls the same services as the tools."""

from __future__ import annotations

import dataclasses
import gc
import sys
from pathlib import Path

import click

from dbmanager import __version__
from dbmanager.errors import DbManagerError
from dbmanager.services.configuration import LoadedConfiguration, load
from dbmanager_server.clients import CLIENTS, COMPANIONS, Scope
from dbmanager_server.timers import MINUTES

CONFIG = click.option("--config", type=click.Path(path_type=Path), help="Configuration file to use.")
URL = click.option("--url", "urls", multiple=True, help="A database to work on, e.g. sqlite:///shop.db.")


class _Group(click.Group):
    """Turns our errors into one clear sentence and exit code 2."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except DbManagerError as problem:
            click.echo(f"dbmanager: {problem.sentence()}", err=True)
            sys.exit(2)


@click.group(cls=_Group)
@click.version_option(__version__)
def main() -> None:
    """Manage real databases through a six-phase workflow."""


def _phases(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    parts = [part.strip() for part in value.split(",")]
    if not all(part in "123456" and len(part) == 1 for part in parts):
        raise click.BadParameter("give phase numbers between 1 and 6, separated by commas, e.g. 1,3")
    return tuple(int(part) for part in parts)


@main.command()
@CONFIG
@URL
@click.option("--phases", callback=_phases, help="List only the core tools and those of these phases, e.g. 1,3.")
@click.option("--skills", is_flag=True, help="Offer the phases as skills, too (MCP's skills extension).")
@click.option(
    "--http", "place", metavar="HOST:PORT", help="Serve over streamable HTTP there instead, e.g. 127.0.0.1:8000."
)
@click.option(
    "--log", type=click.Choice(["none", "json"]), help="Write a line on stderr for every call, without values."
)
def serve(
    config: Path | None,
    urls: tuple[str, ...],
    phases: tuple[int, ...] | None,
    skills: bool,
    place: str | None,
    log: str | None,
) -> None:
    """Serve MCP on stdin and stdout, or over HTTP."""
    if place is not None:
        from dbmanager_server.binding import Place
        from dbmanager_server.http import serve as over_http

        over_http(logging_as(log, load(path=config, urls=urls)), Place.parsed(place), phases, skills=skills)
        return
    gc.disable()  # until the server is made: what is loaded stays, and looking through it meanwhile finds nothing
    from dbmanager_server import front
    from dbmanager_server.app import make_server
    from dbmanager_server.observing import stdio_options
    from dbmanager_server.origins import new_snapshot
    from dbmanager_server.stdio import serve as run

    loaded = logging_as(log, load(path=config, urls=urls))
    run(
        lambda on_closed: make_server(
            loaded, phases=phases, on_closed=on_closed, skills=skills, **stdio_options(loaded)
        ),
        front.take(),
        lambda: new_snapshot(sys.argv[2:], config),
    )


def logging_as(log: str | None, loaded: LoadedConfiguration) -> LoadedConfiguration:
    """Return the configuration with `--log` in place of its own, when that was given."""
    if log is None:
        return loaded
    return dataclasses.replace(loaded, configuration=loaded.configuration.model_copy(update={"log": log}))


@main.command()
@CONFIG
@URL
@click.option("--idle", type=click.FloatRange(min=0), help="Leave after so many seconds without a job; else stay.")
def worker(config: Path | None, urls: tuple[str, ...], idle: float | None) -> None:
    """Do the jobs that tools queued; started on demand, or kept running by a service manager."""
    import logging

    import anyio

    from dbmanager_server.app import make_services
    from dbmanager_server.worker import work

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.WARNING)
    anyio.run(work, make_services(load(path=config, urls=urls)), idle)


@main.command()
@click.argument("change")
@CONFIG
@URL
def approve(change: str, config: Path | None, urls: tuple[str, ...]) -> None:
    """Review the change set CHANGE (chg_...) and approve it, in a terminal."""
    import anyio

    if not sys.stdin.isatty():
        raise click.ClickException("approving needs a person at a terminal; it takes no answer from a pipe")
    anyio.run(_approve, load(path=config, urls=urls), change)


async def _approve(loaded: LoadedConfiguration, change: str) -> None:
    import anyio.to_thread

    from dbmanager.analyzers.describe.workflow import change_text
    from dbmanager.services.audit import actor
    from dbmanager_server.app import make_services

    services = make_services(loaded)
    try:
        found = await services.changes.get(change)
        settings = services.connections.settings(found.plan.connection)
        click.echo(services.redactor.text(change_text(found, settings)))
        word = found.plan_hash[:6]
        typed = await anyio.to_thread.run_sync(lambda: click.prompt(f"Type {word} to approve, anything else to refuse"))
        if typed.strip() != word:
            raise click.ClickException("not approved")
        record = await services.approvals.approve(
            found, approver=actor(), method="terminal", mode=settings.approval_mode
        )
        click.echo(f"Approved until {record.expires_at:%Y-%m-%d %H:%M} UTC.")
    finally:
        await services.close()


@main.command()
@CONFIG
@URL
def doctor(config: Path | None, urls: tuple[str, ...]) -> None:
    """Say what can and can't be done with each connection."""
    import anyio

    from dbmanager_server.doctor import examine

    healthy = anyio.run(examine, load(path=config, urls=urls))
    sys.exit(0 if healthy else 1)


@main.command()
@click.argument("connections", nargs=-1)
@CONFIG
@URL
def collect(connections: tuple[str, ...], config: Path | None, urls: tuple[str, ...]) -> None:
    """Measure CONNECTIONS (all when none is named), keep the figures and tell alerts; what a timer runs."""
    import anyio

    from dbmanager_server.collecting import collect_all

    sys.exit(0 if anyio.run(collect_all, load(path=config, urls=urls), connections) else 1)


@main.command()
@click.argument("connections", nargs=-1)
@click.option("--systemd", "kind", flag_value="systemd", default="systemd", help="A service and its timer.")
@click.option("--cron", "kind", flag_value="cron", help="A line of a crontab.")
@click.option(
    "--every", "minutes", default=5, show_default=True, type=click.Choice(MINUTES), help="Minutes between two runs."
)
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Write the units there; else print them."
)
@CONFIG
@URL
def schedule(
    connections: tuple[str, ...],
    kind: str,
    minutes: int,
    folder: Path | None,
    config: Path | None,
    urls: tuple[str, ...],
) -> None:
    """Print what makes the system run `dbmanager collect` for CONNECTIONS again and again."""
    from dbmanager_server import client_file, timers

    loaded = load(path=config, urls=urls)
    launch = client_file.launch_of(loaded, config, urls, shared=False)
    command, here = timers.command_of(launch, connections), Path.cwd()
    if kind == "cron":
        click.echo(timers.cron_line(command, here, minutes, launch.variables), nl=False)
        return
    for name, text in timers.systemd_units(command, here, minutes, launch.variables).items():
        if folder is None:
            click.echo(f"# {name}\n{text}")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
            click.echo(f"Wrote {folder / name}")
    click.echo("Put both into ~/.config/systemd/user, then: systemctl --user enable --now dbmanager-collect.timer; "
               "loginctl enable-linger lets it run while nobody is logged in.", err=True)  # fmt: skip


@main.command()
@click.argument("connection")
@click.option(
    "--propose", is_flag=True, help="Make a change set of what can be mended and undone; a person approves it."
)
@CONFIG
@URL
def review(connection: str, propose: bool, config: Path | None, urls: tuple[str, ...]) -> None:
    """Look at CONNECTION again, compare with the last review, and say what to do next."""
    import anyio

    from dbmanager_server.reviewing import look_again

    anyio.run(look_again, load(path=config, urls=urls), connection, propose)


@main.command("export-metrics")
@click.option(
    "--file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures there; else print them."
)
@click.option("--rules", is_flag=True, help="Print the alert rules for Prometheus instead.")
@click.option("--dashboard", is_flag=True, help="Print a dashboard for Grafana instead.")
@CONFIG
@URL
def export_metrics(file: Path | None, rules: bool, dashboard: bool, config: Path | None, urls: tuple[str, ...]) -> None:
    """Write the newest kept figures in Prometheus's text format, e.g. for the node exporter's textfile collector."""
    import anyio

    from dbmanager_server import exporting

    loaded = load(path=config, urls=urls)
    if rules or dashboard:
        text = exporting.rules_text(loaded.configuration.monitoring) if rules else exporting.dashboard_text()
    else:
        text = anyio.run(exporting.export, loaded, file).decode()
    if file is None:
        click.echo(text, nl=False)
    elif rules or dashboard:
        exporting.replace_with(file, text.encode())


@main.command("config")
@click.option("--client", required=True, type=click.Choice(sorted(CLIENTS)), help="Whose file to make.")
@click.option("--scope", type=click.Choice(["user", "project"]), help="For this user, or for this folder's project.")
@click.option("--write", is_flag=True, help="Write the file; other entries in it stay. Else print what belongs in it.")
@click.option("--replace", is_flag=True, help="Put our entries in the place of others of the same name.")
@click.option(
    "--with", "companions", multiple=True, type=click.Choice(sorted(COMPANIONS)), help="A companion server to add."
)
@CONFIG
@URL
def client_config(
    client: str,
    scope: Scope | None,
    write: bool,
    replace: bool,
    companions: tuple[str, ...],
    config: Path | None,
    urls: tuple[str, ...],
) -> None:
    """Print, or write, the file that registers this server with a client."""
    import json

    from dbmanager_server import client_file

    chosen = CLIENTS[client]
    file, where = client_file.file_of(chosen, scope)
    launch = client_file.launch_of(load(path=config, urls=urls), config, urls, shared=where == "project")
    added = client_file.addition(chosen, launch, companions)
    if write:
        kept = client_file.write(file, added, replace=replace)
        click.echo(f"Wrote {file}" + (f"; what was there before: {kept}" if kept is not None else "") + ".")
    else:
        click.echo(json.dumps(added, indent=2, ensure_ascii=False))
        click.echo(f"\nBelongs in {file}; --write puts it there.", err=True)
    wanted = [*launch.variables, *(name for one in companions for name in COMPANIONS[one].variables)]
    if wanted and chosen.variable is None:
        click.echo(f"{chosen.title} passes no variables on: start it where {', '.join(wanted)} are set, or keep the "
                   "passwords in the keyring (see docs/reference/configuration.md).", err=True)  # fmt: skip
    if not companions:
        click.echo(f"Companions that it can work with, by --with: {', '.join(sorted(COMPANIONS))}.", err=True)


@main.command()
@click.option(
    "--db", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Run on a copy of this SQLite file."
)
@click.option(
    "--queries", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its queries, one statement each."
)
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(".demo"), show_default=True, help="Where to work."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the generated shop.")
@click.option(
    "--shop",
    type=click.Choice(["flawed", "other", "clean"]),
    default="flawed",
    show_default=True,
    help="Which generated shop to run on.",
)
def demo(db: Path | None, queries: Path | None, folder: Path, seed: int, shop: str) -> None:
    """Run all six phases through a real client on a generated shop, or on a copy of your file."""
    import anyio

    from dbmanager_server.demo.run import run_demo

    sys.exit(anyio.run(run_demo, db, queries, folder, seed, shop))


if __name__ == "__main__":
    main()
