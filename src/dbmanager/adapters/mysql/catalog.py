"""Reads a MySQL or MariaDB catalog into the schema model with five statements, joined here."""

from __future__ import annotations

import shutil
from contextlib import AbstractAsyncContextManager

from dbmanager.adapters.mysql.facts import ServerFacts
from dbmanager.adapters.mysql.reading import PACKAGE, chosen
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.mysql.tables import built_tables
from dbmanager.adapters.mysql.wire import Wire
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.adapters.sql.building import without_collection
from dbmanager.model.schema import DatabaseSchema
from dbmanager.model.statistics import ServerInfo

COLUMNS = {
    "objects": ("sort", "parent", "name", "a", "b", "c", "d", "body", "estimate"),
    "columns": ("parent", "name", "position", "data_type", "native", "nullable", "default_value", "extra", "expression",
                "collation_name", "comment", "length", "number_precision", "number_scale"),
    "indexes": ("parent", "name", "position", "is_plain", "column_name", "direction", "prefix", "method", "comment",
                "expression", "used"),
    "constraints": ("sort", "parent", "name", "position", "column_name", "other_schema", "other", "other_column",
                    "on_delete", "on_update", "body"),
}  # fmt: skip
_VOLATILE = frozenset(("estimate",))
_STRONG = ("SUPER", "FILE", "SHUTDOWN", "PROCESS", "CREATE USER", "CONNECTION ADMIN", "SYSTEM_VARIABLES_ADMIN")
_PROGRAMS = ("mariadb-dump", "mysqldump", "mariadb", "mysql", "mariadb-backup", "mysqlbinlog")


class MysqlCatalog:
    """The `Catalog` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._known: DatabaseSchema | None = None

    async def server_info(self) -> ServerInfo:
        """Return product, version and account, with a warning for every right that an account like this should not have."""
        facts = await self._sessions.facts()
        async with self._reading() as raw:
            size, granted, folder, local = (await raw.fetch(blocks(PACKAGE)["server"].sql))[0]
        privileges = tuple(str(granted).split(",")) if granted else ()
        means = tuple(name for name in _PROGRAMS if shutil.which(name))
        return ServerInfo(
            engine=facts.product,
            version=facts.version,
            version_number=facts.version_number,
            database=facts.database,
            role=facts.user,
            is_superuser="SUPER" in privileges,
            read_only=self._sessions.settings.access == "read_only" or facts.read_only,
            size_bytes=int(size) if size is not None else None,
            privileges=privileges,
            warnings=tuple(_warnings(privileges, folder, local)),
            capabilities=(*sorted(facts.has), *means),
        )

    async def fingerprint(self) -> str:
        """Return a digest, made on the server, over every row that the model is read from (estimates left out)."""
        facts = await self._sessions.facts()
        async with self._reading() as raw:
            return await _fingerprint(raw, facts)

    async def read_schema(self) -> DatabaseSchema:
        """Return the model; the same object while the fingerprint stands."""
        facts = await self._sessions.facts()
        async with self._reading() as raw:
            digest = await _fingerprint(raw, facts)
            if self._known is not None and self._known.fingerprint == digest:
                return self._known
            found = {name: await raw.fetch(_statement(name, facts)) for name in COLUMNS}
        with without_collection():
            rows = {name: [dict(zip(COLUMNS[name], row, strict=True)) for row in found[name]] for name in COLUMNS}
            tables = built_tables(rows, facts)
        self._known = DatabaseSchema("mysql", facts.version, tables, digest)
        return self._known

    def _reading(self) -> AbstractAsyncContextManager[Wire]:
        return self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5)


def _statement(name: str, facts: ServerFacts) -> str:
    return str(chosen(name, facts))


async def _fingerprint(raw: Wire, facts: ServerFacts) -> str:
    row = (await raw.fetch(fingerprint_statement(facts)))[0]
    return "mysql:" + ".".join(str(value) for value in row)


def fingerprint_statement(facts: ServerFacts) -> str:
    """Return one statement over all blocks: of each, the number of its rows and the exclusive or of their hashes.

    No row occurs twice in a block, so none can cancel another out. JSON_ARRAY keeps NULL apart from text and one value
    apart from the next.
    """
    parts = []
    for name, columns in COLUMNS.items():
        steady = ", ".join(f"x.{column}" for column in columns if column not in _VOLATILE)
        digest = f"BIT_XOR(CAST(CONV(LEFT(SHA2(JSON_ARRAY({steady}), 256), 16), 16, 10) AS UNSIGNED))"
        parts.append(f"(SELECT CONCAT(COUNT(*), '-', HEX({digest})) FROM ({_statement(name, facts)}) AS x)")  # noqa: S608
    return "SELECT " + ", ".join(parts)


def _warnings(privileges: tuple[str, ...], folder: object, local: object) -> list[str]:
    found = [
        f"the account holds {name}, far beyond what reading a database needs" for name in _STRONG if name in privileges
    ]
    if "FILE" in privileges and folder == "":
        found.append("the account may read and write files anywhere on the server (FILE, secure_file_priv is empty)")
    if str(local) in ("1", "ON"):
        found.append("the server accepts LOAD DATA LOCAL (local_infile)")
    return found
