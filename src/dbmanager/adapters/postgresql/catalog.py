"""Reads a PostgreSQL catalog into the schema model with five statements, joined here."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from dbmanager.adapters.postgresql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.postgresql.types import data_type
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.adapters.sql.building import without_collection
from dbmanager.adapters.sql.names import quote
from dbmanager.model.schema import (
    CheckConstraint,
    Column,
    DatabaseSchema,
    ForeignKey,
    Index,
    IndexKey,
    Partition,
    PrimaryKey,
    Table,
    TableKind,
    UniqueConstraint,
)
from dbmanager.model.statistics import ServerInfo

PACKAGE = "dbmanager.adapters.postgresql"
Facts = Mapping[str, Any]
_KINDS = {
    "r": TableKind.TABLE,
    "p": TableKind.PARTITIONED,
    "v": TableKind.VIEW,
    "m": TableKind.MATERIALIZED_VIEW,
    "f": TableKind.FOREIGN,
}
_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_SHELL_ROLES = ("pg_read_server_files", "pg_write_server_files", "pg_execute_server_program")


class PostgresCatalog:
    """The `Catalog` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._known: DatabaseSchema | None = None

    async def server_info(self) -> ServerInfo:
        """Return version and role, with a warning for every right that a server like this should not have."""
        row = (await self._rows("server"))[0]
        means = [name for name in ("pg_dump", "pg_restore", "pg_basebackup") if shutil.which(name)]
        return ServerInfo(
            engine="postgresql",
            version=row["version"],
            version_number=row["version_number"],
            database=row["database"],
            role=row["role"],
            is_superuser=row["is_superuser"],
            read_only=self._sessions.settings.access == "read_only" or row["in_recovery"],
            size_bytes=row["size_bytes"],
            privileges=_privileges(row),
            warnings=(*_warnings(row), *([POOLED] if (await self._sessions.role()).is_pooled else [])),
            capabilities=(*row["extensions"], *means),
        )

    async def fingerprint(self) -> str:
        """Return a digest over the rows of the system catalogs that the model is read from."""
        return "postgresql:" + str((await self._rows("fingerprint"))[0]["digest"])

    async def read_schema(self) -> DatabaseSchema:
        """Return the model; the same object while the fingerprint stands."""
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5, confined=False) as raw:
            named = blocks(PACKAGE)
            state = await raw.fetchrow(named["fingerprint"].sql)
            digest = "postgresql:" + str(state["digest"])
            if self._known is not None and self._known.fingerprint == digest:
                return self._known
            found = {
                name: await raw.fetch(named[name].sql) for name in ("relations", "columns", "constraints", "indexes")
            }
        facts = await self._sessions.role()
        schemas = self._sessions.settings.schemas
        with without_collection():
            tables = _tables(found, schemas)
        self._known = DatabaseSchema(
            "postgresql", str(facts.version // 10_000), tables, digest, state["default_schema"] or "public"
        )
        return self._known

    async def _rows(self, name: str) -> list[Any]:
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5, confined=False) as raw:
            return list(await raw.fetch(blocks(PACKAGE)[name].sql))


def _privileges(row: Facts) -> tuple[str, ...]:
    named = (("is_superuser", "SUPERUSER"), ("bypasses_rls", "BYPASSRLS"), ("may_create_databases", "CREATEDB"),
             ("may_create_roles", "CREATEROLE"))  # fmt: skip
    return (*(word for key, word in named if row[key]), *row["memberships"])


POOLED = (
    "reached through a pooler in transaction mode: statements that take no transaction (CREATE INDEX CONCURRENTLY) want "
    "the server's own address"
)


def _warnings(row: Facts) -> list[str]:
    found = []
    if row["is_superuser"]:
        found.append(
            "the role is a superuser; reads give that up for each statement, writes keep it: use a lesser role"
        )
    elif row["bypasses_rls"]:
        found.append("the role bypasses row security (BYPASSRLS)")
    found += [
        f"the role is a member of {name}, which reaches the server's files or shell"
        for name in _SHELL_ROLES
        if name in row["memberships"]
    ]
    if row["encoding"] == "SQL_ASCII":
        found.append("the database is of SQL_ASCII: nothing says which characters its bytes are")
    if row["is_superuser"] and row["has_row_security"]:
        found.append("tables have row security: reads as pg_read_all_data see only the rows that the policies allow")
    return found


def _grouped(rows: list[Any]) -> dict[int, list[Any]]:
    groups: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        groups[row["relation"]].append(row)
    return groups


def _tables(found: Mapping[str, list[Any]], schemas: tuple[str, ...]) -> tuple[Table, ...]:
    columns, constraints, indexes = (_grouped(found[name]) for name in ("columns", "constraints", "indexes"))
    by_oid = {row["oid"]: row for row in found["relations"]}
    names = {oid: {c["position"]: c["name"] for c in rows} for oid, rows in columns.items()}
    partitions: dict[int, list[Partition]] = defaultdict(list)
    for row in found["relations"]:
        if row["parent"] is not None:
            partitions[_root(row, by_oid)].append(Partition(row["name"], row["bound"] or ""))
    return tuple(
        _table(
            row,
            columns[row["oid"]],
            constraints[row["oid"]],
            indexes[row["oid"]],
            partitions[row["oid"]],
            names,
            by_oid,
        )
        for row in found["relations"]
        if row["parent"] is None and (not schemas or row["schema"] in schemas)
    )


def _root(row: Facts, by_oid: Mapping[int, Facts]) -> int:
    while row["parent"] is not None and row["parent"] in by_oid:
        row = by_oid[row["parent"]]
    return int(row["oid"])


def _table(
    row: Facts,
    columns: list[Any],
    constraints: list[Any],
    indexes: list[Any],
    partitions: list[Partition],
    names: Mapping[int, Mapping[int, str]],
    by_oid: Mapping[int, Facts],
) -> Table:
    own = names.get(row["oid"], {})
    primary = next((k for k in constraints if k["kind"] == "p"), None)
    backing = {k["index"] for k in constraints if k["kind"] in ("p", "u")}
    include = {i["oid"]: _index(i, own, True).include for i in indexes if i["oid"] in backing}
    return Table(
        name=row["name"],
        schema=row["schema"],
        kind=_KINDS[row["kind"]],
        columns=tuple(_column(c) for c in columns),
        primary_key=PrimaryKey(
            tuple(own[int(p)] for p in primary["positions"]), primary["name"], _words(primary, include)
        )
        if primary
        else None,
        uniques=tuple(
            UniqueConstraint(
                tuple(own[int(p)] for p in k["positions"]), k["name"], k["nulls_not_distinct"], _words(k, include)
            )
            for k in constraints
            if k["kind"] == "u"
        ),
        foreign_keys=tuple(_foreign_key(k, own, names, by_oid) for k in constraints if k["kind"] == "f"),
        checks=tuple(_check(k) for k in constraints if k["kind"] == "c"),
        indexes=tuple(_index(i, own, i["oid"] in backing) for i in indexes),
        triggers=tuple(row["triggers"] or ()),
        partitions=tuple(partitions),
        partition_key=row["partition_key"],
        extension=row["extension"],
        comment=row["comment"],
        row_estimate=row["estimate"] if row["estimate"] >= 0 else None,
        definition=row["definition"],
        options=tuple(row["options"] or ()),
    )


def _column(facts: Facts) -> Column:
    return Column(
        name=facts["name"],
        type=data_type(facts),
        nullable=facts["nullable"],
        default=None if facts["generated"] else facts["default_value"],
        generated=facts["default_value"] if facts["generated"] else None,
        identity={"a": "always", "d": "by default"}.get(facts["identity"]),
        collation=facts["collation"],
        comment=facts["comment"],
    )


def _foreign_key(
    facts: Facts, own: Mapping[int, str], names: Mapping[int, Mapping[int, str]], by_oid: Mapping[int, Facts]
) -> ForeignKey:
    parent = by_oid.get(facts["parent"])
    theirs = names.get(facts["parent"], {})
    return ForeignKey(
        columns=tuple(own[int(p)] for p in facts["positions"]),
        referred_table=parent["name"] if parent else f"oid {facts['parent']}",
        referred_columns=tuple(theirs.get(int(p), "?") for p in facts["parent_positions"]),
        referred_schema=parent["schema"] if parent else None,
        name=facts["name"],
        on_delete=_ACTIONS[facts["on_delete"]],
        on_update=_ACTIONS[facts["on_update"]],
        deferrable=facts["deferrable"],
        validated=facts["validated"],
        match_full=facts["match_full"],
        initially_deferred=facts["deferred"],
    )


def _words(facts: Facts, include: Mapping[int, tuple[str, ...]]) -> str:
    """Return what a key's definition says after its columns."""
    names = include.get(facts["index"], ())
    words = [f"INCLUDE ({', '.join(map(quote, names))})"] if names else []
    words += ["DEFERRABLE"] if facts["deferrable"] else []
    words += ["INITIALLY DEFERRED"] if facts["deferred"] else []
    return " ".join(words)


def _check(facts: Facts) -> CheckConstraint:
    text = str(facts["definition"]).removesuffix(" NOT VALID").removesuffix(" NO INHERIT")
    inner = text.removeprefix("CHECK (").removesuffix(")") if text.startswith("CHECK (") else text
    return CheckConstraint(inner, facts["name"], facts["validated"])


def _index(facts: Facts, own: Mapping[int, str], backs: bool) -> Index:
    keys, include = [], []
    for number, position in enumerate(map(int, facts["positions"])):
        if number >= facts["key_count"]:
            include.append(own[position])
            continue
        descending = bool(int(facts["options"][number]) & 1) if number < len(facts["options"]) else False
        name = own[position] if position else str(facts["parts"][number])
        keys.append(IndexKey(name, position == 0, descending))
    return Index(
        name=facts["name"],
        keys=tuple(keys),
        unique=facts["is_unique"],
        method=facts["method"],
        include=tuple(include),
        where=facts["predicate"],
        backs_constraint=backs,
        valid=facts["is_valid"],
        definition=facts["definition"],
    )
