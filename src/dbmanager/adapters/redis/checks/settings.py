"""Checks over server settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dbmanager.adapters.redis.checks.facts import CODE, CONFIG, INFO, REDIS, REPLICATION
from dbmanager.model.commands import write_command
from dbmanager.model.findings import Check, FactRows, Fix, Problem, QueryCheck, Severity
from dbmanager.model.queries import Cell

OLD_TLS = frozenset(("TLSv1", "TLSv1.1"))
NEW_TLS = "TLSv1.2 TLSv1.3"
OPEN_TO_ALL = frozenset(("", "*", "0.0.0.0", "::", "-::*"))
Judge = Callable[[FactRows], Iterator[Problem]]


def _setting(name: str, is_wrong: Callable[[str], bool], advice: str, better: str | None = None) -> Judge:
    """Judge one setting; `better` is a value that CONFIG SET takes, None where only the file can change it."""
    statement = write_command(["CONFIG", "SET", name, better]) if better is not None else ""
    inverse = write_command(["CONFIG", "SET", name, "{value}"]) if better is not None else ""

    def judge(facts: FactRows) -> Iterator[Problem]:
        for row in facts:
            value = row.get(name)
            if value is not None and is_wrong(str(value)):
                undo = write_command(["CONFIG", "SET", name, str(value)]) if inverse else ""
                fix = Fix(advice, (statement,) if statement else (), (undo,) if undo else ())
                yield Problem(name, {"value": value}, write_command(["CONFIG", "GET", name]), fix)

    return judge


def _code_open(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        for name in ("enable-debug-command", "enable-module-command", "enable-protected-configs"):
            if row.get(name, "no") != "no":
                yield Problem(
                    name, {"value": row[name]}, fix=Fix(f"Set {name} no in the configuration file and restart.")
                )


def _not_kept(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if row.get("save") == "" and row.get("appendonly") == "no":
            yield Problem(
                "persistence", {"save": "", "appendonly": "no"},
                fix=Fix("Switch the append-only file on, unless all of it can be made again.",
                        (write_command(["CONFIG", "SET", "appendonly", "yes"]),),
                        (write_command(["CONFIG", "SET", "appendonly", "no"]),)),
            )  # fmt: skip


def _policy(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        limit, policy = str(row.get("maxmemory", "0")), str(row.get("maxmemory-policy", ""))
        if limit != "0" and policy == "noeviction":
            evidence: dict[str, Cell] = {"maxmemory": limit, "maxmemory-policy": policy}
            yield Problem(
                "maxmemory-policy",
                evidence,
                fix=Fix("For a cache choose allkeys-lru or allkeys-lfu; else watch the memory."),
            )


def _plain_beside_tls(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if row.get("tls-port", "0") != "0" and row.get("port", "0") != "0":
            yield Problem(
                "port", {"port": row["port"], "tls-port": row["tls-port"]},
                fix=Fix("Set port 0 as soon as every client comes by TLS, this server's connection included."),
            )  # fmt: skip


def _old_tls(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        allowed = str(row.get("tls-protocols", ""))
        old = sorted(set(allowed.split()) & OLD_TLS)
        if old and row.get("tls-port", "0") != "0":
            statement = write_command(["CONFIG", "SET", "tls-protocols", NEW_TLS])
            undo = write_command(["CONFIG", "SET", "tls-protocols", allowed])
            yield Problem(
                "tls-protocols", {"value": allowed}, write_command(["CONFIG", "GET", "tls-protocols"]),
                Fix("Allow TLS 1.2 and 1.3 only.", (statement,), (undo,)),
            )  # fmt: skip


def _open_replication(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if row.get("role") != "slave":
            continue
        if row.get("tls-replication") == "no":
            statement, undo = (write_command(["CONFIG", "SET", "tls-replication", value]) for value in ("yes", "no"))
            yield Problem(
                "tls-replication", {"value": "no"},
                fix=Fix("Replicate by TLS, from the TLS port of the primary.", (statement,), (undo,)),
            )  # fmt: skip
        if row.get("logs_in") is False:
            yield Problem("masterauth", fix=Fix("Give the replica a user of its own by masteruser and masterauth."))


def _loaded_code(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        yield Problem(
            str(row["name"]), {"kind": row["kind"], "from": row["origin"]},
            fix=Fix("Find out who loaded it; what nobody needs is removed by MODULE UNLOAD or FUNCTION DELETE."),
        )  # fmt: skip


def _no_log(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        unsupervised = row.get("supervised") in ("no", "upstart")
        if row.get("logfile") == "" and row.get("syslog-enabled") == "no" and unsupervised:
            yield Problem(
                "logfile", {"logfile": "", "syslog-enabled": "no", "supervised": row["supervised"]},
                fix=Fix("Set logfile in the configuration file, or see to it that what starts the server keeps its output."),
            )  # fmt: skip


def _failed_saves(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        for name in ("rdb_last_bgsave_status", "aof_last_write_status"):
            if row.get(name, "ok") != "ok":
                yield Problem(
                    name, {"status": row[name]}, fix=Fix("Look at the server's log, its disk and the folder's rights.")
                )


def _old_version(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        valkey = str(row.get("valkey_version") or "")
        version = valkey or str(row.get("redis_version", "0"))
        major, minor = (int(part) for part in (version + ".0").split(".")[:2])
        if (major, minor) < (7, 2):
            yield Problem(
                "valkey" if valkey else "redis", {"version": version}, fix=Fix("Upgrade to a release that gets fixes.")
            )


SETTINGS: tuple[QueryCheck, ...] = (
    Check("RD-006", Severity.HIGH, REDIS, "Protected mode is off",
          "It is what keeps strangers out while no password is set.", "Redis manual, Security, Protected mode",
          _setting("protected-mode", lambda v: v == "no", "Switch it on.", "yes"), CONFIG),
    Check("RD-007", Severity.HIGH, REDIS, "Bound to every interface",
          "Every network the machine is in can reach the port.", "Redis manual, Security, Network security",
          _setting("bind", lambda v: not v.split() or bool(set(v.split()) & OPEN_TO_ALL),
                   "Bind it to loopback and the one private address that applications use."), CONFIG),
    Check("RD-008", Severity.HIGH, REDIS, "TLS is off",
          "Passwords and values cross the network in clear.", "Redis manual, TLS",
          _setting("tls-port", lambda v: v == "0", "Install a certificate, set tls-port and close the plain port."), CONFIG),
    Check("RD-009", Severity.MEDIUM, REDIS, "The plain port is open beside TLS",
          "Clients that were never changed go on in clear, and nobody notices.", "Redis manual, TLS", _plain_beside_tls, CONFIG),
    Check("RD-010", Severity.HIGH, REDIS, "Old TLS protocols are allowed",
          "TLS 1.0 and 1.1 can be broken by who listens.", "RFC 8996; Redis manual, tls-protocols", _old_tls, CONFIG),
    Check("RD-011", Severity.HIGH, REDIS, "Replication without TLS or login",
          "All data crosses the network in clear, or comes from whoever answers.", "Redis manual, TLS, Replication",
          _open_replication, REPLICATION),
    Check("RD-014", Severity.LOW, REDIS, "The log of refusals is short",
          "An attack pushes its own beginnings out of it.", "Redis manual, ACL LOG",
          _setting("acllog-max-len", lambda v: int(v) < 128, "Keep at least 128 entries.", "1024"), CONFIG),
    Check("RD-015", Severity.HIGH, REDIS, "Debug commands, modules or protected settings are open",
          "They run foreign code in the server or write files where its user may.", "Redis manual, enable-debug-command",
          _code_open, CONFIG),
    Check("RD-016", Severity.MEDIUM, REDIS, "Modules or functions are loaded",
          "They are code inside the server, with all of its rights.", "Redis manual, Modules; Functions", _loaded_code, CODE),
    Check("RD-017", Severity.MEDIUM, REDIS, "Nothing is kept on disk",
          "A restart loses every key.", "Redis manual, Persistence", _not_kept, CONFIG),
    Check("RD-018", Severity.HIGH, REDIS, "The last save to disk failed",
          "A restart falls back to an older state.", "Redis manual, Persistence", _failed_saves, INFO),
    Check("RD-019", Severity.MEDIUM, REDIS, "No memory limit",
          "The server grows until the system kills it, or something beside it.", "Redis manual, maxmemory",
          _setting("maxmemory", lambda v: v == "0", "Set maxmemory to about three quarters of the memory."), CONFIG),
    Check("RD-020", Severity.LOW, REDIS, "Writes fail at the memory limit",
          "With noeviction the limit turns into errors for every application.", "Redis manual, Key eviction",
          _policy, CONFIG),
    Check("RD-021", Severity.LOW, REDIS, "Clients never time out",
          "Forgotten connections add up to the limit, and then nobody gets in.", "DISA STIG V-251183",
          _setting("timeout", lambda v: v == "0", "Close idle clients after five minutes.", "300"), CONFIG),
    Check("RD-023", Severity.HIGH, REDIS, "Version without security fixes",
          "Known holes stay open.", "Redis and Valkey release notes", _old_version, INFO),
    Check("RD-024", Severity.LOW, REDIS, "No log is kept",
          "After an incident nobody can tell what happened.", "Redis manual, logfile, syslog-enabled", _no_log, CONFIG),
)  # fmt: skip
