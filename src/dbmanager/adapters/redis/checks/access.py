"""Checks over users and what they may do."""

from __future__ import annotations

from collections.abc import Iterator

from dbmanager.adapters.redis.checks.facts import ACL_LOG, REDIS, USERS
from dbmanager.model.commands import write_command
from dbmanager.model.findings import Check, FactRows, Fix, Problem, QueryCheck, Severity


def _rule(user: object, rule: str, undo: str, advice: str) -> Fix:
    return Fix(
        advice,
        (write_command(["ACL", "SETUSER", str(user), rule]),),
        (write_command(["ACL", "SETUSER", str(user), undo]),),
    )


def _open_default(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if row["user"] == "default" and row["enabled"] and row["nopass"]:
            yield Problem(
                "default", {"commands": "all" if row["all_commands"] else "some"},
                fix=_rule("default", "off", "on", "Switch it off, or give it a password by requirepass."),
            )  # fmt: skip


def _without_password(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if row["user"] != "default" and row["enabled"] and row["nopass"]:
            yield Problem(str(row["user"]), fix=_rule(row["user"], "resetpass", "nopass", "Give it a password."))


def _all_powerful(facts: FactRows) -> Iterator[Problem]:
    mighty = [row for row in facts if row["enabled"] and row["all_commands"] and row["all_keys"]]
    if len(mighty) > 1:
        for row in mighty:
            yield Problem(
                str(row["user"]), {"users_like_it": len(mighty)},
                fix=Fix("Leave one administrator; give the others the keys and the categories they need (+@read +@write)."),
            )  # fmt: skip


def _dangerous(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        commands = row["dangerous"]
        if row["enabled"] and not (row["all_commands"] and row["all_keys"]) and commands:
            yield Problem(
                str(row["user"]), {"commands": commands},
                fix=_rule(row["user"], "-@dangerous", "+@dangerous", "Take the category @dangerous from it."),
            )  # fmt: skip


def _all_channels(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if row["enabled"] and row["all_channels"] and not row["all_commands"]:
            yield Problem(
                str(row["user"]), fix=_rule(row["user"], "resetchannels", "allchannels", "Name the channels it needs.")
            )


def _denials(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        yield Problem(
            str(row["reason"]),
            {"entries": row["entries"]},
            fix=Fix("Look at who it was (ACL LOG), then ACL LOG RESET."),
        )


ACCESS: tuple[QueryCheck, ...] = (
    Check("RD-001", Severity.CRITICAL, REDIS, "Default user on without a password",
          "Whoever reaches the port has every right, down to loading code.",
          "Redis manual, Security, Authentication; DISA STIG RD6X", _open_default, USERS),
    Check("RD-002", Severity.HIGH, REDIS, "Several users with all commands on all keys",
          "Each of them can wipe or take over the server; one administrator is enough.",
          "DISA STIG V-251186; Redis manual, ACL", _all_powerful, USERS),
    Check("RD-003", Severity.CRITICAL, REDIS, "User that needs no password",
          "Its name is all that an attacker needs.", "DISA STIG V-251185; Redis manual, ACL, nopass",
          _without_password, USERS),
    Check("RD-004", Severity.HIGH, REDIS, "Dangerous commands open to an application's user",
          "FLUSHALL, CONFIG, SHUTDOWN, REPLICAOF lose or give away all data; KEYS stops every other client.",
          "DISA STIG V-251188; Redis manual, ACL, @dangerous", _dangerous, USERS, min_version=70_000),
    Check("RD-005", Severity.LOW, REDIS, "All channels open to an application's user",
          "It can listen to and forge messages meant for others.", "Redis manual, ACL, Pub/Sub channels",
          _all_channels, USERS),
    Check("RD-013", Severity.MEDIUM, REDIS, "The server refused logins or commands",
          "Either an application lacks a right, or somebody is trying out what is allowed.",
          "Redis manual, ACL LOG", _denials, ACL_LOG),
)  # fmt: skip
