"""Two other database servers of the protocol beside ours, on the same PostgreSQL: starting, one query, the tool list."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from benchmarks import npm, tokens
from benchmarks.outcome import Outcome, Ratio, Size
from benchmarks.place import Place
from benchmarks.timing import Sampler, Series, rounds
from benchmarks.wire import WireClient
from tests.engines.postgresql import PASSWORD, SUPERUSER

DBHUB, TOOLBOX = "@bytebase/dbhub@1.4.0", "@toolbox-sdk/server@1.12.0"
SETTING = """\
DBHub 1.4.0 (Node 24) and MCP Toolbox 1.12.0 (a Go program, prebuilt tools for PostgreSQL), both as npm ships them, and \
ours, each with the same private PostgreSQL, spoken to by the same client of raw lines. DBHub and the Toolbox connect \
before they answer `initialize`; ours when it is first asked, so "started and `SELECT 1` answered" is the fair figure of \
starting. A call of ours passes the statement gate, a read-only session and the masking exit, which the others do not have; \
CPU is that of the process and those it starts (DBHub's program starts another); tokens are o200k over the compact JSON of `tools`. The Toolbox offers 29 tools for one engine, DBHub two, ours six phases."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server: how it is started, and how it is asked for `SELECT 1`."""

    name: str
    command: list[str]
    environment: dict[str, str]
    query: dict[str, Any]


def peers(place: Place) -> tuple[Peer, ...]:
    """Return ours and the others, installed on first use."""
    password = quote(PASSWORD, safe="")
    dsn = f"postgres://{SUPERUSER}:{password}@{place.server.host}:{place.server.port}/{place.database}?sslmode=disable"
    login = {
        "POSTGRES_HOST": place.server.host, "POSTGRES_PORT": str(place.server.port), "POSTGRES_USER": SUPERUSER,
        "POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DATABASE": place.database,
    }  # fmt: skip
    toolbox = npm.installed(TOOLBOX) / "node_modules/@toolbox-sdk/server-linux-x64/bin/toolbox"
    toolbox.chmod(0o755)
    theirs = {"name": "execute_sql", "arguments": {"sql": "SELECT 1 AS one"}}
    ours = {"name": "run_query", "arguments": {"connection": "pg", "sql": "SELECT 1 AS one"}}
    dbhub = [*npm.command(npm.installed(DBHUB), "dbhub"), "--transport", "stdio", "--dsn", dsn]
    return (
        Peer("dbmanager", place.our_server, place.environment, ours),
        Peer("DBHub", dbhub, npm.environment(), theirs),
        Peer(
            "MCP Toolbox", [str(toolbox), "--prebuilt", "postgres", "--stdio"], {**place.environment, **login}, theirs
        ),
    )


def _ask(client: WireClient, peer: Peer) -> None:
    result = client.request("tools/call", **peer.query)
    if result.get("isError"):
        raise RuntimeError(f"{peer.name}: {result}")


async def measure(place: Place) -> Outcome:
    """Start each in turn, then hold all open and ask them in turn."""
    place.configure()
    servers = peers(place)
    sizes = tuple(size for peer in servers for size in _listed(place, peer))
    series = (*await _starts(place, servers), *await _calls(place, servers))
    return Outcome(
        "peer_servers",
        "Beside DBHub and MCP Toolbox",
        SETTING,
        series,
        sizes=sizes,
        ratios=tuple(
            Ratio(f"dbmanager, {what}", f"{peer}, {what}")
            for what in (
                "`initialize` answered, CPU",
                "`initialize` answered, wall",
                "started and `SELECT 1` answered",
                "`SELECT 1`",
            )
            for peer in ("DBHub", "MCP Toolbox")
        ),
    )


async def _starts(place: Place, servers: tuple[Peer, ...]) -> tuple[Series, ...]:
    async def once(kept: Sampler) -> None:
        for peer in servers:
            with kept.time(f"{peer.name}, `initialize` answered, wall"), _open(place, peer) as client:
                used = client.tree_cpu_ms
            kept.add(f"{peer.name}, `initialize` answered, CPU", "ms", used)
            with kept.time(f"{peer.name}, started and `SELECT 1` answered"), _open(place, peer) as client:
                _ask(client, peer)

    return await rounds(once, warm_up=1, repetitions=10)


async def _calls(place: Place, servers: tuple[Peer, ...]) -> tuple[Series, ...]:
    with ExitStack() as stack:
        clients = [(stack.enter_context(_open(place, peer)), peer) for peer in servers]

        async def once(kept: Sampler) -> None:
            for client, peer in clients:
                with kept.time(f"{peer.name}, `SELECT 1`"):
                    _ask(client, peer)

        return await rounds(once, warm_up=30, repetitions=300, seconds=60)


def _open(place: Place, peer: Peer) -> WireClient:
    client = WireClient(peer.command, place.folder, peer.environment)
    client.initialize()
    return client


def _listed(place: Place, peer: Peer) -> tuple[Size, ...]:
    with _open(place, peer) as client:
        listed = client.request("tools/list")["tools"]
    text = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    return (
        Size(f"{peer.name}, tools", len(listed), ""),
        Size(f"{peer.name}, tokens of `tools/list`", tokens.count([text])[0], "tokens"),
    )
