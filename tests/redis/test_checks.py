"""Every check is seen to fire on a server that has the fault, and not on one that has it not."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.redis.checks import CHECKS
from dbmanager.model.findings import Finding
from dbmanager.services.checking import run_checks
from tests.conftest import needed
from tests.engines.instance import free_port, private_folder, stop, unprivileged
from tests.engines.redis import PASSWORD, SUPERUSER, RedisServer, running
from tests.redis.conftest import OpenRedis, adapter_on, tls_adapter

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True)
class Case:
    """A seeded fault: what is run to make it, what to undo it, and what the finding is about."""

    seed: tuple[tuple[str, ...], ...]
    about: str
    undo: tuple[tuple[str, ...], ...] = ()


def _set(name: str, value: str, clean: str) -> Case:
    return Case((("CONFIG", "SET", name, value),), name, (("CONFIG", "SET", name, clean),))


CASES: Mapping[str, Case] = {
    "RD-001": Case(
        (("ACL", "SETUSER", "default", "on", "nopass"),),
        "default",
        (("ACL", "SETUSER", "default", "off", "resetpass"),),
    ),
    "RD-002": Case(
        (("ACL", "SETUSER", "second", "on", ">x", "~*", "+@all"),), "second", (("ACL", "DELUSER", "second"),)
    ),
    "RD-003": Case(
        (("ACL", "SETUSER", "open", "on", "nopass", "~a:*", "+get"),), "open", (("ACL", "DELUSER", "open"),)
    ),
    "RD-004": Case(
        (("ACL", "SETUSER", "shop", "on", ">x", "~a:*", "+@all", "-debug"),), "shop", (("ACL", "DELUSER", "shop"),)
    ),
    "RD-005": Case(
        (("ACL", "SETUSER", "loud", "on", ">x", "~a:*", "+get", "&*"),), "loud", (("ACL", "DELUSER", "loud"),)
    ),
    "RD-006": _set("protected-mode", "no", "yes"),
    "RD-014": _set("acllog-max-len", "5", "128"),
    "RD-016": Case(
        (("FUNCTION", "LOAD", "#!lua name=foreign\nredis.register_function('f', function() return 1 end)"),),
        "foreign",
        (("FUNCTION", "DELETE", "foreign"),),
    ),
    "RD-017": Case(
        (("CONFIG", "SET", "save", ""), ("CONFIG", "SET", "appendonly", "no")),
        "persistence",
        (("CONFIG", "SET", "save", "3600 1"),),
    ),
    "RD-019": _set("maxmemory", "0", "100mb"),
    "RD-020": _set("maxmemory-policy", "noeviction", "allkeys-lru"),
    "RD-021": _set("timeout", "0", "300"),
    "RD-022": Case(
        (("HSET", "user:1", "email", "a@example.org"), ("HSET", "user:2", "email", "b@example.org", "plan", "x")),
        "user:*",
        (("EXPIRE", "user:1", "1000"), ("EXPIRE", "user:2", "1000")),
    ),
}
RESTART: Mapping[str, tuple[dict[str, str], str]] = {
    "RD-007": ({"bind": "0.0.0.0"}, "bind"),
    "RD-015": ({"enable_debug_command": "yes"}, "enable-debug-command"),
}
"""Faults that only the configuration file can make, with what names them."""
ALWAYS = {"RD-008": "tls-port", "RD-023": "redis"}
"""Faults of the distribution's server itself; a server with TLS and a newer one are clean (below, and in the slow ring)."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server without faults but for TLS and its age."""
    settings = {"maxmemory": "100mb", "maxmemory_policy": "allkeys-lru", "timeout": "300", "save": "3600 1"}
    with needed(), running(None, **settings) as server:
        yield server


async def _findings(server: RedisServer) -> list[Finding]:
    adapter = adapter_on(server, 0)
    try:
        report = await run_checks(adapter.security, engine="redis")
        assert report.not_run == {}
        return list(report.findings)
    finally:
        await adapter.close()


async def test_a_sound_server_has_no_findings_but_its_own(sound: RedisServer) -> None:
    assert {f.id: f.object_name for f in await _findings(sound)} == ALWAYS


@pytest.mark.parametrize("check", CASES)
async def test_a_seeded_fault_is_found_and_gone_when_it_is_undone(check: str, sound: RedisServer) -> None:
    case = CASES[check]
    for command in case.seed:
        sound.run(*command)
    try:
        found = [f for f in await _findings(sound) if f.id == check]
        assert case.about in {f.object_name for f in found}
        assert all(f.fix is not None and f.fix.advice for f in found)
        for finding in found:
            if finding.fix is not None and finding.object_name == case.about:
                for statement in finding.fix.statements:
                    sound.run(*json.loads(statement))
                if finding.fix.statements and check != "RD-017":
                    left = {(f.id, f.object_name) for f in await _findings(sound)}
                    assert (check, case.about) not in left, "its own fix mends it"
                    for statement in finding.fix.inverse:
                        sound.run(*json.loads(statement))
    finally:
        sound.run("CONFIG", "SET", "appendonly", "no")
        for command in case.undo:
            sound.run(*command)
    assert {f.id for f in await _findings(sound)} == set(ALWAYS)


@pytest.mark.parametrize("check", RESTART)
async def test_a_fault_of_the_configuration_file_is_found(check: str) -> None:
    settings, about = RESTART[check]
    with needed(), running(None, **settings) as server:
        assert about in {f.object_name for f in await _findings(server) if f.id == check}


async def test_denials_are_found_and_gone_after_a_reset(sound: RedisServer) -> None:
    with pytest.raises(AssertionError):
        sound.run("PING", user="nobody", password="wrong")
    assert "auth" in {f.object_name for f in await _findings(sound) if f.id == "RD-013"}
    sound.run("ACL", "LOG", "RESET")
    assert not [f for f in await _findings(sound) if f.id == "RD-013"]


async def test_a_failed_save_is_found(tmp_path: Path) -> None:
    with needed(), running() as server:
        server.run("SET", "a", "1")
        folder = Path(server.run("CONFIG", "GET", "dir").splitlines()[1])
        folder.chmod(0o500)
        server.run("BGSAVE")
        deadline = time.monotonic() + 10
        while "rdb_bgsave_in_progress:1" in server.run("INFO", "persistence"):
            assert time.monotonic() < deadline
        folder.chmod(0o700)
        assert "rdb_last_bgsave_status" in {f.object_name for f in await _findings(server) if f.id == "RD-018"}


ENCRYPTED: Mapping[str, tuple[tuple[tuple[str, ...], ...], str]] = {
    "RD-009": ((), "port"),
    "RD-010": ((("CONFIG", "SET", "tls-protocols", "TLSv1.1 TLSv1.2"),), "tls-protocols"),
    "RD-011": ((("REPLICAOF", "127.0.0.1", "1"),), "tls-replication"),
}
"""Faults of a server with TLS."""


async def test_faults_of_an_encrypted_server_are_found_and_gone_when_mended(
    encrypted: tuple[RedisServer, int, Path],
) -> None:
    server, port, authority = encrypted
    adapter = tls_adapter(port, "rediss", {"mode": "verify-full", "ca_file": str(authority)})

    async def found(check: str) -> dict[str, Finding]:
        report = await run_checks(adapter.security, engine="redis")
        return {finding.object_name: finding for finding in report.findings if finding.id == check}

    try:
        for check, (seeds, about) in ENCRYPTED.items():
            assert bool(await found(check)) is (not seeds)
            for command in seeds:
                server.run(*command)
            fix = (await found(check))[about].fix
            assert fix is not None
            for statement in fix.statements:
                server.run(*json.loads(statement))
            assert (about in await found(check)) is (not fix.statements)
        assert set(await found("RD-011")) == {"masterauth"}
        server.run("CONFIG", "SET", "masterauth", "a-secret")
        assert await found("RD-011") == {}
        server.run("REPLICAOF", "NO", "ONE")
        assert "a-secret" not in repr((await run_checks(adapter.security, engine="redis")).findings)
        server.run("CONFIG", "SET", "port", "0")
        assert await found("RD-009") == {}
    finally:
        await adapter.close()


async def test_a_server_that_keeps_no_log_is_found() -> None:
    with needed(), running() as supervised:
        program = Path(f"/proc/{supervised.run('INFO', 'server').partition('process_id:')[2].split()[0]}/exe").resolve()
        assert "RD-024" not in {f.id for f in await _findings(supervised)}
    with private_folder("redis") as folder:
        named = folder / "redis-server"
        named.symlink_to(program)
        server = RedisServer("127.0.0.1", free_port(), supervised.client)
        secret = hashlib.sha256(PASSWORD.encode()).hexdigest()
        (folder / "redis.conf").write_text(
            f'bind 127.0.0.1\nport {server.port}\ndir {folder}\nsave ""\nuser {SUPERUSER} on #{secret} ~* &* +@all\n'
        )
        process = subprocess.Popen(
            [str(named), str(folder / "redis.conf")], cwd=folder, stdout=subprocess.DEVNULL, **unprivileged()
        )
        try:
            deadline = time.monotonic() + 20
            while not _answers(server):
                assert process.poll() is None
                assert time.monotonic() < deadline
            assert "logfile" in {f.object_name for f in await _findings(server) if f.id == "RD-024"}
        finally:
            stop(process)


def _answers(server: RedisServer) -> bool:
    try:
        return server.run("PING") == "PONG"
    except AssertionError:
        return False


def test_a_module_from_a_file_is_told_and_a_built_in_one_is_not() -> None:
    check = next(check for check in CHECKS if check.id == "RD-016")
    row = {"name": "search", "kind": "module", "origin": "/opt/search.so"}
    assert [finding.object_name for finding in check.findings((row,))] == ["search"]


KEYS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "RD-101": (("SETRANGE big:1 1500000 x", "SET big:2 x"), "big:*"),
    "RD-102": (("SET cache:1 x", "SET cache:2 x EX 100"), "cache:*"),
    "RD-103": (("SET order:1 x", "SET order_2 x"), "order:*, order_*"),
    "RD-104": (("HSET item:1 a 1", f"HSET item:2 a {'v' * 100}"), "item:*"),
    "RD-105": (("SET thing:1 x", "RPUSH thing:2 x"), "thing:*"),
    "RD-106": (("RPUSH feed " + " ".join(map(str, range(10_001))),), "feed"),
}
CLEAN = (
    "SET big:1 x",
    "SET big:2 x",
    "SET cache:1 x EX 100",
    "SET order:1 x",
    "SET order:2 x",
    "HSET item:1 a 1",
    "HSET item:2 a 2",
    "RPUSH thing:1 x",
)


@pytest.mark.parametrize("check", KEYS)
async def test_a_fault_in_the_keys_is_found(
    check: str, open_redis: OpenRedis, redis_server: RedisServer, database: int
) -> None:
    commands, about = KEYS[check]
    for command in commands:
        redis_server.run(*command.split(" "), database=database)
    report = await run_checks(open_redis(database).security, engine="redis", pack="schema")
    assert {f.object_name for f in report.findings if f.id == check} == {about}
    assert {f.id for f in report.findings} == {check}


async def test_sound_keys_have_no_findings(open_redis: OpenRedis, redis_server: RedisServer, database: int) -> None:
    for command in CLEAN:
        redis_server.run(*command.split(" "), database=database)
    report = await run_checks(open_redis(database).security, engine="redis", pack="schema")
    assert report.findings == ()
    assert len(report.checked) >= 6


async def test_what_a_user_cannot_see_is_told(open_redis: OpenRedis, redis_server: RedisServer, database: int) -> None:
    redis_server.run(
        "ACL",
        "SETUSER",
        "weak",
        "on",
        ">weak-secret",
        "~*",
        "+@read",
        "+@connection",
        "+info",
        "-@admin",
        "-@dangerous",
    )
    try:
        adapter = open_redis(database, user="weak", password="weak-secret")
        report = await run_checks(adapter.security, engine="redis")
        assert {"RD-001", "RD-006"} <= set(report.not_run)
        assert all("can't see" in reason for reason in report.not_run.values())
        assert not any(PASSWORD in reason for reason in report.not_run.values())
    finally:
        redis_server.run("ACL", "DELUSER", "weak")


def test_every_check_has_its_fault() -> None:
    assert {check.id for check in CHECKS if check.pack != "health"} == {
        *CASES,
        *RESTART,
        *ALWAYS,
        *KEYS,
        *ENCRYPTED,
        "RD-013",
        "RD-018",
        "RD-024",
    }
    assert not any(isinstance(check, Unsupported) for check in CHECKS)
