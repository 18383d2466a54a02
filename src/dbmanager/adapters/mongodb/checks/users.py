"""Checks over users and their roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dbmanager.adapters.mongodb.checks.judges import MONGODB, at
from dbmanager.model.findings import Check, FactRows, Fix, Problem, QueryCheck, Severity
from dbmanager.model.queries import Cell

ALL_USERS = '{"usersInfo": {"forAllDBs": true}}'
_ROOTS = frozenset("root __system userAdminAnyDatabase dbAdminAnyDatabase clusterAdmin restore".split())
_ANYWHERE = frozenset("readAnyDatabase readWriteAnyDatabase".split())
_OWNERS = frozenset("dbOwner userAdmin".split())


def _roles(user: Mapping[str, Cell]) -> list[tuple[str, str]]:
    found: Any = user.get("roles") or []
    return sorted({(str(role["role"]), str(role["db"])) for role in found})


def _with_roles(wanted: frozenset[str], advice: str) -> Any:
    def judge(facts: FactRows) -> Iterator[Problem]:
        for user in facts:
            held = sorted({f"{role}@{database}" for role, database in _roles(user) if role in wanted})
            if held:
                yield Problem(f"{user['user']}@{user['db']}", {"roles": ", ".join(held)}, fix=Fix(advice))

    return judge


def _many_superusers(facts: FactRows) -> Iterator[Problem]:
    held = [
        user for user in facts if {role for role, _ in _roles(user)} & {"root", "userAdminAnyDatabase", "clusterAdmin"}
    ]
    if len(held) > 2:
        yield Problem("superusers", {"users": len(held)}, fix=Fix("Keep one for people and one for emergencies."))


def _without_sha256(facts: FactRows) -> Iterator[Problem]:
    for user in facts:
        mechanisms: Any = user.get("mechanisms") or []
        if "SCRAM-SHA-256" not in mechanisms:
            yield Problem(f"{user['user']}@{user['db']}", {"mechanisms": ", ".join(mechanisms)},
                          fix=Fix("Set the password anew with mechanisms: ['SCRAM-SHA-256']."))  # fmt: skip


def _unrestricted(facts: FactRows) -> Iterator[Problem]:
    for user in facts:
        if not user.get("authenticationRestrictions"):
            yield Problem(f"{user['user']}@{user['db']}", {}, fix=Fix("Say from which addresses the user may come."))


def _nobody_logged_in(facts: FactRows) -> Iterator[Problem]:
    for reply in facts:
        if not at(reply, "authInfo.authenticatedUsers"):
            yield Problem(
                "this connection", {"users": 0}, fix=Fix("Switch access control on and give the server a user.")
            )


def _too_much_for_us(facts: FactRows) -> Iterator[Problem]:
    for reply in facts:
        roles: Any = at(reply, "authInfo.authenticatedUserRoles") or []
        wide = sorted({f"{r['role']}@{r['db']}" for r in roles if r["role"] in _ROOTS | _ANYWHERE | _OWNERS})
        if wide:
            yield Problem("this connection's user", {"roles": ", ".join(wide)},
                          fix=Fix("Give it read or readWrite on this database alone."))  # fmt: skip


def _any_action(facts: FactRows) -> Iterator[Problem]:
    for role in facts:
        privileges: Any = role.get("privileges") or []
        if any("anyAction" in p.get("actions", ()) or p.get("resource", {}).get("anyResource") for p in privileges):
            yield Problem(f"{role['role']}@{role['db']}", {"privileges": len(privileges)},
                          fix=Fix("Name the actions and resources that are needed."))  # fmt: skip


USERS: tuple[QueryCheck, ...] = (
    Check("MG-002", Severity.CRITICAL, MONGODB, "Nobody has to log in",
          "This connection shows no user, and the server answers it all the same.", "CIS MongoDB 2.1",
          _nobody_logged_in, '{"connectionStatus": 1}'),
    Check("MG-006", Severity.HIGH, MONGODB, "User with root-like roles",
          "It can give itself every right on every database.", "CIS MongoDB 3.1, 3.5",
          _with_roles(_ROOTS, "Revoke them and grant roles on single databases."), ALL_USERS),
    Check("MG-007", Severity.MEDIUM, MONGODB, "More than two superusers",
          "Each one more is one more password that opens everything.", "CIS MongoDB 3.5", _many_superusers, ALL_USERS),
    Check("MG-008", Severity.LOW, MONGODB, "User may log in from anywhere",
          "A stolen password works from every network.", "CIS MongoDB 3.2", _unrestricted,
          '{"usersInfo": {"forAllDBs": true}, "showAuthenticationRestrictions": true}'),
    Check("MG-009", Severity.HIGH, MONGODB, "Role with any action or any resource",
          "It is a superuser by another name.", "CIS MongoDB 3.4", _any_action,
          '{"rolesInfo": 1, "showPrivileges": true}'),
    Check("MG-029", Severity.MEDIUM, MONGODB, "User without SCRAM-SHA-256",
          "Its password is kept as a hash that is cheaper to guess.", "MongoDB manual, SCRAM", _without_sha256, ALL_USERS),
    Check("MG-030", Severity.MEDIUM, MONGODB, "This connection's user may too much",
          "Whatever goes wrong here can go wrong in every database.", "CIS MongoDB 3.1", _too_much_for_us,
          '{"connectionStatus": 1}'),
    Check("MG-032", Severity.MEDIUM, MONGODB, "User with a role on every database",
          "It reads or writes databases that it has nothing to do with.", "CIS MongoDB 3.1",
          _with_roles(_ANYWHERE, "Grant read or readWrite on the databases that it needs."), ALL_USERS),
    Check("MG-033", Severity.MEDIUM, MONGODB, "User owns a database",
          "dbOwner and userAdmin can give themselves every right there.", "CIS MongoDB 3.1",
          _with_roles(_OWNERS, "Grant readWrite, and keep owners for deployments."), ALL_USERS),
)  # fmt: skip
