"""Checks over the server's own settings; a stand-in without these commands reports them as not run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dbmanager.adapters.mongodb.checks.judges import MONGODB, at, setting
from dbmanager.model.findings import Check, FactRows, Fix, Problem, QueryCheck, Severity

OPTIONS = '{"getCmdLineOpts": 1}'
_TLS = ("requireTLS", "requireSSL")


def _no_access_control(facts: FactRows) -> Iterator[Problem]:
    for reply in facts:
        security = at(reply, "parsed.security") or {}
        if security.get("authorization") != "enabled" and not (
            security.get("keyFile") or security.get("clusterAuthMode")
        ):
            yield Problem("security.authorization", {"value": security.get("authorization")},
                          fix=Fix("Set security.authorization: enabled and restart."))  # fmt: skip


def _no_member_authentication(facts: FactRows) -> Iterator[Problem]:
    for reply in facts:
        is_cluster = at(reply, "parsed.replication.replSetName") or at(reply, "parsed.sharding")
        mode = at(reply, "parsed.security.clusterAuthMode")
        if is_cluster and not at(reply, "parsed.security.keyFile") and mode not in ("x509", "sendX509"):
            yield Problem(
                "security.keyFile", {"clusterAuthMode": mode}, fix=Fix("Set a keyFile or clusterAuthMode: x509.")
            )


def _tls_not_required(facts: FactRows) -> Iterator[Problem]:
    for reply in facts:
        mode = at(reply, "parsed.net.tls.mode") or at(reply, "parsed.net.ssl.mode")
        if mode not in _TLS:
            yield Problem("net.tls.mode", {"value": mode}, fix=Fix("Set net.tls.mode: requireTLS with a certificate."))


def _bound_everywhere(facts: FactRows) -> Iterator[Problem]:
    for reply in facts:
        addresses = str(at(reply, "parsed.net.bindIp") or "").split(",")
        if at(reply, "parsed.net.bindIpAll") or {"0.0.0.0", "::", "*"} & {a.strip() for a in addresses}:
            yield Problem(
                "net.bindIp", {"value": ",".join(addresses)}, fix=Fix("Bind to the addresses that are needed.")
            )


def _accepts_invalid_certificates(facts: FactRows) -> Iterator[Problem]:
    names = ("allowInvalidCertificates", "allowInvalidHostnames", "allowConnectionsWithoutCertificates")
    for reply in facts:
        for name in names[:2]:
            if at(reply, f"parsed.net.tls.{name}"):
                yield Problem(f"net.tls.{name}", {"value": True}, fix=Fix(f"Remove net.tls.{name}."))


def _is_default_port(value: Any) -> bool:
    return value in (None, 27017)


def _options(id_: str, severity: Severity, title: str, why: str, source: str, judge: Any) -> QueryCheck:
    return Check(id_, severity, MONGODB, title, why, source, judge, OPTIONS)


SERVER: tuple[QueryCheck, ...] = (
    _options("MG-001", Severity.CRITICAL, "Access control is off",
             "Whoever reaches the port reads and writes everything.", "CIS MongoDB 2.1", _no_access_control),
    Check("MG-003", Severity.MEDIUM, MONGODB, "The localhost exception is open",
          "Until a first user exists, whoever is on the machine may make one.", "CIS MongoDB 2.2",
          setting("enableLocalhostAuthBypass", bool, "Set enableLocalhostAuthBypass to false once a first user exists."),
          '{"getParameter": 1, "enableLocalhostAuthBypass": 1}'),
    _options("MG-004", Severity.HIGH, "Members of the cluster do not authenticate each other",
             "A stranger's server can join and gets all data.", "CIS MongoDB 2.3", _no_member_authentication),
    Check("MG-005", Severity.MEDIUM, MONGODB, "SCRAM-SHA-1 is accepted",
          "Its password hashes are cheaper to guess.", "CIS MongoDB 2.1",
          setting("authenticationMechanisms", lambda value: "SCRAM-SHA-1" in (value or ()), "Accept SCRAM-SHA-256 alone."),
          '{"getParameter": 1, "authenticationMechanisms": 1}'),
    _options("MG-011", Severity.HIGH, "TLS is not required",
             "Passwords and documents may cross the network in clear.", "CIS MongoDB 4.3", _tls_not_required),
    _options("MG-013", Severity.HIGH, "Invalid certificates are accepted",
             "Whoever stands in between can show any certificate.", "CIS MongoDB 4.3", _accepts_invalid_certificates),
    _options("MG-016", Severity.HIGH, "Bound to every interface",
             "The port is reachable from networks that have no need of it.", "MongoDB manual, Security Checklist",
             _bound_everywhere),
    _options("MG-017", Severity.INFO, "The default port is used",
             "Scanners try it first.", "CIS MongoDB 6.1",
             setting("parsed.net.port", _is_default_port, "Set net.port to another one.")),
    _options("MG-018", Severity.MEDIUM, "Nothing is audited",
             "Nobody can tell afterwards who read or changed what.", "CIS MongoDB 5.1",
             setting("parsed.auditLog.destination", lambda value: not value, "Set auditLog.destination (Enterprise, Atlas).")),
    _options("MG-020", Severity.LOW, "The log is quiet or overwritten",
             "Logins and failures are missing from it, or lost at a restart.", "CIS MongoDB 5.3, 5.4",
             setting("parsed.systemLog.quiet", bool, "Set systemLog.quiet: false and logAppend: true.")),
    _options("MG-021", Severity.MEDIUM, "JavaScript runs on the server",
             "$where, $function and mapReduce run code sent by clients.", "CIS MongoDB 6.3",
             setting("parsed.security.javascriptEnabled", lambda value: value is not False,
                     "Set security.javascriptEnabled: false.")),
    _options("MG-022", Severity.LOW, "The log keeps values",
             "Slow statements are logged with the values of classified fields.", "MongoDB manual, Log Redaction",
             setting("parsed.security.redactClientLogData", lambda value: not value,
                     "Set security.redactClientLogData: true (Enterprise).")),
    Check("MG-023", Severity.HIGH, MONGODB, "The version is out of support",
          "Known holes stay open.", "MongoDB Software Lifecycle Schedules",
          setting("versionArray", lambda value: bool(value) and value[0] < 7, "Upgrade to a supported release."),
          '{"buildInfo": 1}'),
    Check("MG-026", Severity.MEDIUM, MONGODB, "No replica set",
          "There is no failover, no oplog to recover to a moment, and no transaction.", "MongoDB manual, Replication",
          setting("setName", lambda value: not value, "Initiate a replica set, of one member if need be."),
          '{"hello": 1}'),
    Check("MG-027", Severity.HIGH, MONGODB, "Test commands are on",
          "They let clients stop or corrupt the server.", "MongoDB manual, enableTestCommands",
          setting("enableTestCommands", bool, "Start without enableTestCommands."),
          '{"getParameter": 1, "enableTestCommands": 1}'),
    Check("MG-031", Severity.MEDIUM, MONGODB, "The profiler keeps statements with their values",
          "system.profile repeats the values of classified fields for whoever may read it.", "MongoDB manual, Database Profiler",
          setting("was", bool, "Switch it off: {profile: 0}."), '{"profile": -1}'),
)  # fmt: skip
