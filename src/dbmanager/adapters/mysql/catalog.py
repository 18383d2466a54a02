"""Reads a MySQL or MariaDB catalog into the schema model with four statements, joined here."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager

from dbmanager.adapters.mysql.facts import ServerFacts
from dbmanager.adapters.mysql.reading import PACKAGE, chosen
from dbmanager.adapters.mysql.rows import KINDS, CatalogRows, digest, digest_statement, parsed, reading_statement
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.mysql.tables import built_tables
from dbmanager.adapters.mysql.wire import Wire
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.adapters.sql.building import without_collection
from dbmanager.model.schema import DatabaseSchema
from dbmanager.model.statistics import ServerInfo

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
            if self._known is not None and self._known.fingerprint == await _fingerprint(raw, facts):
                return self._known
            with without_collection():
                found = {name: await raw.fetch(reading_statement(name, _statement(name, facts))) for name in KINDS}
        with without_collection():
            rows = CatalogRows(**{name: parsed(name, found[name]) for name in KINDS})
            tables = built_tables(rows, facts)
        self._known = DatabaseSchema("mysql", facts.version, tables, _joined(digest(rows) for rows in found.values()))
        return self._known

    def _reading(self) -> AbstractAsyncContextManager[Wire]:
        return self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5)


def _statement(name: str, facts: ServerFacts) -> str:
    """Return the statement of one kind of rows; checks, where the server enforces any, are constraints like references."""
    if name != "constraints":
        return str(chosen(name, facts))
    return "\nUNION ALL\n".join(sql for part in ("references", "checks") if (sql := chosen(part, facts)))


async def _fingerprint(raw: Wire, facts: ServerFacts) -> str:
    return _joined((await raw.fetch(fingerprint_statement(facts)))[0])


def _joined(digests: Iterable[str]) -> str:
    return "mysql:" + ".".join(digests)


def fingerprint_statement(facts: ServerFacts) -> str:
    """Return one statement that gives the digest of every block."""
    return "SELECT " + ", ".join(digest_statement(name, _statement(name, facts)) for name in KINDS)


def _warnings(privileges: tuple[str, ...], folder: object, local: object) -> list[str]:
    found = [
        f"the account holds {name}, far beyond what reading a database needs" for name in _STRONG if name in privileges
    ]
    if "FILE" in privileges and folder == "":
        found.append("the account may read and write files anywhere on the server (FILE, secure_file_priv is empty)")
    if str(local) in ("1", "ON"):
        found.append("the server accepts LOAD DATA LOCAL (local_infile)")
    return found
