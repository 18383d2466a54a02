"""Redis's checks of health: silent on a sound server, and telling a fault made on the real one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.redis.checks import CHECKS
from dbmanager.adapters.redis.checks.health import slow_fork
from dbmanager.model.findings import Finding, Severity
from dbmanager.services.checking import run_checks
from tests.conftest import needed
from tests.engines.instance import free_port
from tests.engines.redis import PASSWORD, SUPERUSER, RedisServer, running
from tests.redis.conftest import adapter_on

pytestmark = pytest.mark.anyio
HEALTH = {check.id: check for check in CHECKS if check.pack == "health"}
RESET: tuple[tuple[str, ...], ...] = (
    ("REPLICAOF", "no", "one"), ("CONFIG", "SET", "maxmemory", "0"), ("CONFIG", "SET", "maxmemory-policy", "noeviction"),
    ("CONFIG", "SET", "maxclients", "10000"), ("CONFIG", "SET", "slowlog-log-slower-than", "10000"), ("SLOWLOG", "RESET"),
    ("FLUSHALL",), ("CONFIG", "RESETSTAT"), ("CONFIG", "SET", "latency-monitor-threshold", "0"), ("LATENCY", "RESET"),
    ("CONFIG", "SET", "lfu-log-factor", "10"), ("CONFIG", "SET", "repl-backlog-size", "1048576"), ("SAVE",),
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with needed(), running(None, loglevel="notice") as found:
        yield found


@dataclass
class Place:
    """The server, and connections that are held open while it is looked at."""

    server: RedisServer
    stack: contextlib.ExitStack

    def run(self, *command: str) -> str:
        return self.server.run(*command)

    def connect(self, *commands: str) -> socket.socket:
        """Open a connection, log in where commands follow, and run them one after the other."""
        raw = socket.create_connection((self.server.host, self.server.port), timeout=10)
        self.stack.callback(raw.close)
        login = [["AUTH", SUPERUSER, PASSWORD]] if commands else []
        for words in [*login, *(command.split() for command in commands)]:
            parts = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
            raw.sendall(b"*%d\r\n" % len(words) + parts)
            raw.recv(4096)
        return raw


async def _found(server: RedisServer, id_: str) -> list[Finding]:
    adapter = adapter_on(server, 0, access="read_only")
    try:
        facts = await adapter.security.facts(HEALTH[id_])
    finally:
        await adapter.close()
    return [] if isinstance(facts, Unsupported) else HEALTH[id_].findings(facts)


def _fill(place: Place, count: int, size: int, name: str = "k") -> None:
    place.run("EVAL", "for i = 1, ARGV[1] do redis.call('SET', KEYS[1] .. i, string.rep('x', ARGV[2])) end", "1", f"{name}:",
              str(count), str(size))  # fmt: skip


def _used(place: Place) -> int:
    told = dict(line.split(":", 1) for line in place.run("INFO", "memory").splitlines() if ":" in line)
    return int(told["used_memory"])


def _nearly_full(place: Place) -> None:
    _fill(place, 20_000, 500)
    place.run("CONFIG", "SET", "maxmemory", str(int(_used(place) * 1.05)))


def _evicted(place: Place) -> None:
    place.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    place.run("CONFIG", "SET", "maxmemory", str(_used(place) + 2_000_000))
    for part in range(20):
        _fill(place, 500, 500, f"part{part}")


def _fragmented(place: Place) -> None:
    _fill(place, 250_000, 700)
    place.run("EVAL", "for i = 1, 250000 do if i % 10 > 0 then redis.call('DEL', KEYS[1] .. i) end end", "1", "k:")


def _missed(place: Place) -> None:
    place.run("EVAL", "for i = 1, 12000 do redis.call('GET', KEYS[1] .. i) end", "1", "absent:")


def _rejected(place: Place) -> None:
    place.run("CONFIG", "SET", "maxclients", "5")
    for _ in range(8):
        with contextlib.suppress(OSError):
            place.connect("PING")
    place.stack.close()
    place.run("CONFIG", "SET", "maxclients", "10000")


def _crowd(place: Place) -> None:
    for _ in range(9):
        place.connect("PING")
    place.run("CONFIG", "SET", "maxclients", "12")


def _lost_primary(place: Place) -> None:
    place.run("REPLICAOF", "127.0.0.1", str(free_port()))


def _slow(place: Place) -> None:
    place.run("CONFIG", "SET", "slowlog-log-slower-than", "0")
    for number in range(12):
        place.run("SET", "user:secret-4711", str(number))
    place.run("CONFIG", "SET", "slowlog-log-slower-than", "10000")


def _unevictable(place: Place) -> None:
    _fill(place, 200, 10)
    place.run("CONFIG", "SET", "maxmemory", "100mb")
    place.run("CONFIG", "SET", "maxmemory-policy", "volatile-lru")


def _wrong(place: Place) -> None:
    raw = place.connect("SET a x", *["LPUSH a 1"] * 120)
    raw.close()


def _hot(place: Place) -> None:
    place.run("CONFIG", "SET", "lfu-log-factor", "0")
    place.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    _fill(place, 50, 10, "item")
    place.connect(*["GET item:7"] * 260)


def _unread(place: Place) -> None:
    place.connect("SUBSCRIBE news")
    place.run("CONFIG", "SET", "client-output-buffer-limit", "pubsub 100mb 100mb 60")
    place.run("EVAL", "for i = 1, 30 do redis.call('PUBLISH', 'news', string.rep('x', 1000000)) end", "0")
    deadline = time.monotonic() + 10
    while (
        int(
            dict(line.split(":", 1) for line in place.run("INFO", "memory").splitlines() if ":" in line)[
                "mem_clients_normal"
            ]
        )
        < 6_000_000
    ):
        assert time.monotonic() < deadline


def _heavy(place: Place) -> None:
    _fill(place, 25_000, 600, "page")
    _fill(place, 100, 20, "small")


def _standing(place: Place) -> None:
    place.run("CONFIG", "SET", "latency-monitor-threshold", "50")
    place.run("EVAL", "local t = redis.call('TIME'); local function ms(x) return x[1] * 1000 + x[2] / 1000 end; "
              "while ms(redis.call('TIME')) - ms(t) < 150 do end", "0")  # fmt: skip


def _backlog(place: Place) -> None:
    replica = place.stack.enter_context(running(None))
    place.run("CONFIG", "SET", "repl-backlog-size", "16384")
    attach(replica, place.server)
    _fill(place, 10_000, 2_000)


def _late(place: Place) -> None:
    replica = place.stack.enter_context(running(None))
    attach(replica, place.server)
    pid = int(_info(replica, "server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    place.stack.callback(os.kill, pid, signal.SIGCONT)
    _fill(place, 10_000, 1_000)


def _info(server: RedisServer, section: str) -> dict[str, str]:
    return dict(line.split(":", 1) for line in server.run("INFO", section).splitlines() if ":" in line)


def attach(replica: RedisServer, primary: RedisServer) -> None:
    """Make a server the replica of another, and see it in step."""
    for name, value in (("masteruser", SUPERUSER), ("masterauth", PASSWORD)):
        replica.run("CONFIG", "SET", name, value)
    replica.run("REPLICAOF", primary.host, str(primary.port))
    deadline = time.monotonic() + 30
    while _info(replica, "replication")["master_link_status"] != "up" or "state=online" not in primary.run(
        "INFO", "replication"
    ):
        assert time.monotonic() < deadline


def _readonly(place: Place, folder: Path) -> None:
    mode = folder.stat().st_mode
    folder.chmod(0o500)
    place.stack.callback(folder.chmod, mode)


def _until_failed(place: Place, name: str) -> None:
    deadline = time.monotonic() + 30
    while _info(place.server, "persistence")[name] != "err":
        assert time.monotonic() < deadline


def _unsaved(place: Place) -> None:
    _readonly(place, Path(place.run("CONFIG", "GET", "dir").splitlines()[1]))
    place.run("BGSAVE")
    _until_failed(place, "rdb_last_bgsave_status")


CASES: dict[str, tuple[Callable[[Place], None], str]] = {
    "RD-201": (_nearly_full, "maxmemory"),
    "RD-202": (_evicted, "evicted_keys"),
    "RD-203": (_fragmented, "mem_fragmentation_ratio"),
    "RD-204": (_missed, "keyspace_misses"),
    "RD-205": (_rejected, "rejected_connections"),
    "RD-206": (_crowd, "maxclients"),
    "RD-207": (_lost_primary, "master_link_status"),
    "RD-208": (_slow, "SET"),
    "RD-209": (_unevictable, "maxmemory-policy"),
    "RD-210": (_wrong, "total_error_replies"),
    "RD-211": (_hot, "item:*"),
    "RD-213": (_unread, "output buffers"),
    "RD-215": (_standing, "command"),
    "RD-216": (_heavy, "page:*"),
    "RD-218": (_unsaved, "snapshot"),
    "RD-219": (_backlog, "repl-backlog-size"),
    "RD-220": (_late, "127.0.0.1:"),
}


@pytest.mark.parametrize("id_", sorted(CASES))
async def test_a_seeded_fault_of_health_is_found_and_gone_when_undone(id_: str, server: RedisServer) -> None:
    seed, about = CASES[id_]
    assert await _found(server, id_) == []
    try:
        with contextlib.ExitStack() as stack:
            seed(Place(server, stack))
            found = {finding.object_name: finding for finding in await _found(server, id_)}
            finding = next(one for name, one in found.items() if name.startswith(about))
            assert finding.threshold
            assert finding.caveat
            assert finding.fix is not None
            assert finding.fix.advice
            assert "secret-4711" not in f"{finding.object_name} {dict(finding.evidence)}"
    finally:
        for command in RESET:
            server.run(*command)
    deadline = time.monotonic() + 60  # an allocator gives memory back in its own time
    while id_ != "RD-203" and await _found(server, id_):
        assert time.monotonic() < deadline


async def test_a_cluster_without_slots_is_told() -> None:
    with needed(), running(None, cluster_enabled="yes") as cluster:
        (finding,) = await _found(cluster, "RD-212")
        assert finding.evidence["cluster_slots_assigned"] == "0"


async def test_a_healthy_fresh_redis_has_nothing_above_low() -> None:
    with needed(), running(None, maxmemory="100mb", maxmemory_policy="allkeys-lfu") as fresh:
        adapter = adapter_on(fresh, 0, access="read_only")
        report = await run_checks(adapter.security, engine="redis", pack="health")
        await adapter.close()
    assert report.not_run == {}
    assert set(report.checked) == set(HEALTH)
    assert [f for f in report.findings if f.severity.order < Severity.LOW.order] == []
    assert [f.id for f in report.findings] == ["RD-214"]


def test_every_health_check_of_redis_has_its_case() -> None:
    assert {*CASES, "RD-212", "RD-214", "RD-217"} == set(HEALTH)


async def test_the_time_of_a_real_fork_is_judged(server: RedisServer) -> None:
    server.run("BGSAVE")
    deadline = time.monotonic() + 30
    while (
        _info(server, "persistence")["rdb_bgsave_in_progress"] != "0"
        or _info(server, "stats")["latest_fork_usec"] == "0"
    ):
        assert time.monotonic() < deadline
    assert await _found(server, "RD-217") == []
    adapter = adapter_on(server, 0, access="read_only")
    try:
        facts = await adapter.security.facts(HEALTH["RD-217"])
    finally:
        await adapter.close()
    assert not isinstance(facts, Unsupported)
    (found,) = slow_fork(1)(facts)
    assert int(str(found.evidence["latest_fork_usec"])) > 0


async def test_a_rewrite_of_the_append_only_file_that_fails_is_told() -> None:
    with needed(), running(None, appendonly="yes") as server, contextlib.ExitStack() as stack:
        place = Place(server, stack)
        assert await _found(server, "RD-218") == []
        _readonly(place, Path(place.run("CONFIG", "GET", "dir").splitlines()[1]) / "appendonlydir")
        _readonly(place, Path(place.run("CONFIG", "GET", "dir").splitlines()[1]))
        place.run("SET", "a", "b")
        with contextlib.suppress(AssertionError):
            place.run("BGREWRITEAOF")
        _until_failed(place, "aof_last_bgrewrite_status")
        assert "rewrite of the append-only file" in {finding.object_name for finding in await _found(server, "RD-218")}
