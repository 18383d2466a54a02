"""Throw-away MySQL and MariaDB databases: beside the source, or in a private instance of the local binaries."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from pydantic import SecretStr

from dbmanager.adapters.facets import ScratchPlace, Unsupported
from dbmanager.adapters.facets.scratch import (
    FORBIDDEN,
    PREFIX,
    SchemaPart,
    database_place,
    folder_place,
    require_ours,
)
from dbmanager.adapters.mysql.dump_scope import dump_scope
from dbmanager.adapters.mysql.programs import CLIENT, DUMP, SERVER, find_program, run_client
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.mysql.tables import name_of
from dbmanager.adapters.private_server import (
    Account,
    PrivateServers,
    give,
    make_folder,
    prepared,
    remove_folder,
    unprivileged,
)
from dbmanager.adapters.sql.confined import beyond
from dbmanager.errors import AuthenticationFailed, ConnectionFailed, DbManagerError, PermissionDenied
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from dbmanager.model.schema import Table

if TYPE_CHECKING:
    from dbmanager.adapters.mysql.adapter import MysqlAdapter

OWNER = "dbmanager"
_SIZE = (
    "SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
)
_COUNTED = "SELECT DISTINCT table_name FROM mysql.column_stats WHERE db_name = DATABASE()"
_OPTIONS = {
    "bind-address": "127.0.0.1", "skip-name-resolve": "ON", "innodb-flush-log-at-trx-commit": "0", "innodb-doublewrite": "0",
    "sync-binlog": "0", "skip-log-bin": "ON", "max-connections": "20", "innodb-buffer-pool-size": "64M",
    "character-set-server": "utf8mb4", "local-infile": "OFF",
}  # fmt: skip
"""What is there is thrown away, so nothing of it need survive a crash."""


class MysqlScratch:
    """The `Scratch` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._servers = PrivateServers(ending="KILL")
        self._logins: dict[str, tuple[int, str]] = {}

    async def places(self, name: str) -> tuple[ScratchPlace, ...] | Unsupported:
        """Return a database beside the source where that is allowed, and a private instance where one can be started."""
        mode = self._sessions.settings.scratch_mode
        if mode == "none":
            return Unsupported(FORBIDDEN)
        private = await self._private(name)
        if mode == "server":
            return (database_place(name), *(() if isinstance(private, Unsupported) else (private,)))
        return private if isinstance(private, Unsupported) else (private,)

    async def _is_mariadb(self) -> bool:
        return (await self._sessions.facts()).product == "mariadb"

    async def _private(self, name: str) -> ScratchPlace | Unsupported:
        product = (await self._sessions.facts()).product
        installs = product == "mysql" or shutil.which("mariadb-install-db")
        if os.name != "posix" or not installs or await find_daemon(product) is None:
            return Unsupported(
                f"no server program of {product} is on PATH for a private instance, and a database beside the source is "
                'not allowed (scratch = "server" allows it)'
            )
        return folder_place(name, "instance")

    async def create(self, place: ScratchPlace) -> None:
        """Make the database; or the instance, which listens on loopback with a password that only we know."""
        require_ours(place)
        if place.kind == "database":
            await self._make(place.name)
            return
        product = (await self._sessions.facts()).product
        daemon = await find_daemon(product)
        assert daemon is not None
        account = unprivileged("mysql")
        await anyio.to_thread.run_sync(make_folder, place.path, account)
        self._logins[place.name] = (_free_port(), secrets.token_hex(16))
        command = await self._installed(place, daemon, product, account)
        adapter = self.open(place)
        try:
            await self._servers.start(place.name, command, place.path, lambda: _answers(adapter), account)
            with suppress(DbManagerError):  # another version may not have the source's collation
                async with adapter.sessions.writing(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
                    await raw.fetch(f"ALTER DATABASE {name_of(place.name)} COLLATE {await self._collation()}")
        finally:
            await adapter.close()

    async def _installed(self, place: ScratchPlace, daemon: Path, product: str, account: Account | None) -> list[str]:
        """Make the data folder and the first user's script; return what starts the server."""
        facts, (port, secret) = await self._sessions.facts(), self._logins[place.name]
        data = [f"--datadir={place.path / 'data'}", f"--lower-case-table-names={int(facts.folds_names)}"]
        base = [str(daemon), "--no-defaults", *_own_files(daemon)]
        install = [*base, "--initialize-insecure", *data]
        if product == "mariadb":
            install = [
                "mariadb-install-db",
                "--no-defaults",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
                *data,
            ]
        await prepared(install, place.path, account)
        script = place.path / "init.sql"
        script.write_text(
            f"CREATE USER '{OWNER}'@'127.0.0.1' IDENTIFIED BY '{secret}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO '{OWNER}'@'127.0.0.1';\nDROP USER 'root'@'localhost';\n"
            f"CREATE DATABASE `{place.name}`;\n"
        )
        script.chmod(0o600)
        give(script, account)
        options = {
            **_OPTIONS, "port": port, "socket": place.path / "socket", "pid-file": place.path / "pid", "tmpdir": place.path,
            "init-file": script, "sql-mode": facts.sql_mode, "secure-file-priv": place.path,
        }  # fmt: skip
        own = ["--mysqlx=OFF"] if product == "mysql" else []
        return [*base, *data, *own, *(f"--{name}={value}" for name, value in options.items())]

    async def _make(self, scratch: str) -> None:
        try:
            await self._admin(f"CREATE DATABASE {name_of(scratch)} COLLATE {await self._collation()}")
        except (AuthenticationFailed, PermissionDenied):
            pattern = name_of(f"{PREFIX}%".replace("_", r"\_"))
            raise PermissionDenied(
                "the account may not make a scratch database",
                object_name=self._sessions.name,
                hint=f"Grant it that, and no more: GRANT ALL PRIVILEGES ON {pattern}.* TO "
                f"{(await self._sessions.facts()).user}. Or use an account that may.",
            ) from None

    async def _collation(self) -> str:
        """Return the source's collation: a column that names none has it."""
        return name_of((await self._sessions.facts()).collation)

    async def _admin(self, statement: str) -> None:
        """Make or drop a scratch database: the one write that needs no change set."""
        async with self._sessions.administering() as raw:
            await raw.run(statement)

    def open(self, place: ScratchPlace) -> MysqlAdapter:
        """Return a writable adapter."""
        from dbmanager.adapters.mysql.adapter import MysqlAdapter

        require_ours(place)
        if place.kind == "database":
            settings = self._sessions.settings.model_copy(update={"access": "read_write"})
            return MysqlAdapter("scratch", self._sessions.url.model_copy(update={"database": place.name}), settings)
        port, secret = self._logins[place.name]
        url = ResolvedUrl(
            engine="mysql", host="127.0.0.1", port=port, user=OWNER, password=SecretStr(secret), database=place.name
        )
        settings = ConnectionSettings(url="mysql://127.0.0.1/scratch", access="read_write")
        return MysqlAdapter("scratch", url, settings)

    async def size_bytes(self, place: ScratchPlace) -> int:
        """Return data and indexes of all tables, as the server tells them now."""
        adapter = self.open(place)
        try:
            async with adapter.sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
                if (await adapter.sessions.facts()).product == "mysql":
                    await raw.run("SET SESSION information_schema_stats_expiry = 0")
                return int((await raw.fetch(_SIZE))[0][0])
        finally:
            await adapter.close()

    async def drop(self, place: ScratchPlace) -> None:
        """Drop the database; or stop the instance and remove its folder."""
        require_ours(place)
        if place.kind == "database":
            await self._admin(f"DROP DATABASE IF EXISTS {name_of(place.name)}")
            return
        await self._servers.stop(place.name)
        self._logins.pop(place.name, None)
        await remove_folder(place.path)

    async def copy_schema(self, place: ScratchPlace, part: SchemaPart) -> tuple[str, ...] | Unsupported:
        """Copy by the dump program without rows; events are left out, since they would run."""
        product = (await self._sessions.facts()).product
        dump = await anyio.to_thread.run_sync(find_program, DUMP[product], product)
        client = await anyio.to_thread.run_sync(find_program, CLIENT[product], product)
        if part != "all" or dump is None or client is None:
            return Unsupported("no dump and client program that fit the server are on PATH, or a part was asked for")
        source, settings = self._sessions.url, self._sessions.settings
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            scope = await dump_scope(raw, source.database)
        chosen = [argument for argument in scope.arguments if argument != "--events"]
        own = ["--set-gtid-purged=OFF", "--no-tablespaces"] if product == "mysql" else []
        adapter = self.open(place)
        try:
            with tempfile.TemporaryFile() as file:  # has no name: nothing of it can be left behind
                arguments = [*own, *chosen, "--no-data", "--skip-lock-tables", "--single-transaction", source.database]
                await run_client(dump, arguments, source, settings, product, stdout=file)
                file.seek(0)
                await run_client(
                    client, ["--binary-mode", "--default-character-set=utf8mb4", f"--database={place.name}"], adapter.sessions.url,
                    adapter.sessions.settings, product, file,
                )  # fmt: skip
        except DbManagerError as problem:
            await self._emptied(adapter)
            return Unsupported(problem.message)
        finally:
            await adapter.close()
        return scope.losses

    async def _emptied(self, adapter: MysqlAdapter) -> None:
        """Take away what a broken copy left."""
        name = name_of(adapter.sessions.url.database)
        async with adapter.sessions.administering() as raw:
            await raw.run(f"DROP DATABASE {name}")
            await raw.run(f"CREATE DATABASE {name}")

    def beyond(self, statement: str) -> str | None:
        """Judge by the statement's parsed form."""
        return beyond(statement, "mysql")

    async def gather_statistics(self, place: ScratchPlace, tables: Sequence[Table]) -> None:
        """Run ANALYZE TABLE; values are counted for the tables whose values are counted in the source.

        MariaDB's planner goes by these figures where they are there: with them here and not there, plans would differ.
        """
        counted = await self._counted()
        adapter = self.open(place)
        try:
            async with adapter.sessions.writing(timeout_seconds=OWN_SECONDS, lock_seconds=30) as raw:
                for table in tables:
                    persistent = " PERSISTENT FOR ALL" if table.name in counted else ""
                    await raw.fetch(f"ANALYZE TABLE {name_of(table.name)}{persistent}")
        finally:
            await adapter.close()

    async def _counted(self) -> frozenset[str]:
        """Return the tables of the source that have statistics which no engine keeps (MariaDB); none where we may not look."""
        if not await self._is_mariadb():
            return frozenset()
        try:
            async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
                return frozenset(str(row[0]) for row in await raw.fetch(_COUNTED))
        except DbManagerError:
            return frozenset()


async def find_daemon(product: str) -> Path | None:
    """Return a server program of the product on PATH."""
    return await anyio.to_thread.run_sync(find_program, SERVER[product], product)


def _own_files(daemon: Path) -> list[str]:
    """Say where a server's files are that does not stand in the place it was built for."""
    home = daemon.parent.parent
    messages = home / "share" / "mysql"
    return [f"--basedir={home}", f"--lc-messages-dir={messages}"] if messages.is_dir() else []


async def _answers(adapter: MysqlAdapter) -> None:
    try:
        await adapter.query.fetch("SELECT 1")
    except AuthenticationFailed as early:  # the script that makes the user and the database has not ended
        raise ConnectionFailed(early.message) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
