"""What a Redis server was asked: counts by command, and the slow log with its arguments, which are values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.redis.session import APPLICATION, Sessions, Wire
from dbmanager.errors import InvalidStatement, PermissionDenied
from dbmanager.model.commands import write_command
from dbmanager.model.queries import QueryPlan
from dbmanager.model.workload import Workload, WorkloadStatement

COMMANDS, SLOW = "commandstats", "slowlog"
_STEERING = frozenset((
    "auth", "hello", "select", "ping", "echo", "info", "command", "client", "config", "slowlog", "latency", "acl", "memory",
    "object", "module", "cluster", "eval_ro", "monitor", "reset", "quit", "replconf", "psync", "role", "time", "debug", "lolwut",
))  # fmt: skip
"""Commands that serve no data: drivers', monitors' and this server's own."""


class RedisWorkload:
    """The `WorkloadSource` facet."""

    sources = (COMMANDS, SLOW)

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def collect(self, source: str | None = None, *, most: int = 2_000) -> Workload | Unsupported:
        """Return counts by command (`commandstats`), or what took longer than slowlog-log-slower-than (`slowlog`)."""
        if source not in (None, *self.sources):
            raise InvalidStatement(f"Redis has no source {source!r}", hint=f"There are {COMMANDS} and {SLOW}.")
        async with self._sessions.reading(timeout_seconds=30) as wire:
            return await (self._slow(wire, most) if source == SLOW else self._counted(wire))

    async def plan(self, statement: str) -> QueryPlan | Unsupported:
        """Say that there is no planner."""
        return Unsupported("Redis has no query planner")

    async def _counted(self, wire: Wire) -> Workload:
        stats, server = await self._sessions.info(wire, "commandstats"), await self._sessions.info(wire, "server")
        if not stats:
            raise PermissionDenied(
                "the user may not ask INFO commandstats",
                object_name=self._sessions.name,
                hint="Allow it: ACL SETUSER ... +info.",
            )
        taken = dt.datetime.now(dt.UTC)
        total = await self._sessions.info(wire, "stats")
        latest = (await wire.many([("LATENCY", "LATEST")]))[0]
        return Workload(
            COMMANDS, taken, tuple(_statements(stats)), taken - dt.timedelta(seconds=int(server.get("uptime_in_seconds", 0))),
            connections_opened=_int(total.get("total_connections_received")),
            notes=("counts are of the whole server, whatever the database", *_events(latest)),
        )  # fmt: skip

    async def _slow(self, wire: Wire, most: int) -> Workload:
        entries = await wire.call("SLOWLOG", "GET", most)
        statements = tuple(found for entry in entries if (found := _entry(entry)) is not None)
        oldest = min((int(entry[1]) for entry in entries), default=None)
        return Workload(
            SLOW, dt.datetime.now(dt.UTC), statements,
            None if oldest is None else dt.datetime.fromtimestamp(oldest, dt.UTC), is_cumulative=False,
            notes=("only what took longer than slowlog-log-slower-than, on the whole server",),
        )  # fmt: skip


def _statements(stats: Mapping[str, str]) -> Iterator[WorkloadStatement]:
    for name, figures in stats.items():
        word = name.removeprefix("cmdstat_")
        if word.partition("|")[0] in _STEERING:
            continue
        values = dict(part.partition("=")[::2] for part in figures.split(","))
        yield WorkloadStatement(
            word, write_command([*word.upper().split("|")]), int(values["calls"]), int(values["usec"]) / 1000
        )


def _entry(entry: Any) -> WorkloadStatement | None:
    """Return a slow command; arguments that the server left out make it no sample."""
    arguments = [bytes(argument) for argument in entry[3]]
    name = bytes(entry[5]).decode("utf-8", "replace") if len(entry) > 5 else ""
    word = arguments[0].decode("ascii", "replace").lower()
    if name.startswith(APPLICATION) or word in _STEERING:
        return None
    text = write_command(arguments)
    cut = any(b" more bytes)" in a or b" more arguments)" in a for a in arguments)
    return WorkloadStatement(str(entry[0]), text, 1, int(entry[2]) / 1000, samples=() if cut else (text,))


def _events(latest: Any) -> Iterator[str]:
    """Say which latency events the monitor has seen; it is off unless latency-monitor-threshold is set."""
    for event in latest if isinstance(latest, list) else []:
        yield f"latency event {bytes(event[0]).decode('ascii', 'replace')}: {int(event[3])} ms at most"


def _int(value: str | None) -> int | None:
    return int(value) if value is not None and value.isdigit() else None
