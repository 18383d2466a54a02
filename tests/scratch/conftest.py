"""Each engine with rows in it, as a connection of a configuration; services over it; what is left behind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psutil
import pytest

from dbmanager.adapters.facets import Adapter
from dbmanager.model.configuration import Configuration
from dbmanager.services.box import SealedBox
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from dbmanager.services.scratch import Scratches
from tests.engines.instance import login
from tests.engines.mongodb import PASSWORD as MONGO_PASSWORD
from tests.facets.contract import EngineUnderTest, Mysql, Postgres, Sqlite

PARENTS, CHILDREN = 300, 3_000
NAMES = ("sqlite", "postgresql", "mysql", "mariadb", "mongodb", "redis")


@dataclass(slots=True)
class Source:
    """A database with rows that scratch databases are made from."""

    name: str
    folder: Path
    url: str
    fingerprint: Callable[[], str]
    """Tells whether anything of the source has changed; reads past every guard."""
    beside: Callable[[], list[object]]
    """Scratch databases on the server."""
    sql: EngineUnderTest | None = None
    made: list[Services] = field(default_factory=list)

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "connections": {"db": {"url": self.url, "access": "read_only", **more}},
            "store": {"data_dir": str(self.folder / "state")},
        }

    def services(self, **more: Any) -> Services:
        """Return services whose connection `db` is this source."""
        configuration = Configuration.model_validate(self.settings(**more))
        self.made.append(Services(LoadedConfiguration(configuration, (), self.folder)))
        return self.made[-1]

    def leftovers(self) -> list[object]:
        """Return everything that a scratch database may leave: databases, folders, servers."""
        folders = list(Path(tempfile.gettempdir()).glob("dbmanager-s*"))
        servers = []
        for process in psutil.process_iter(["cmdline", "status"]):
            words = " ".join(process.info["cmdline"] or ())
            if tempfile.gettempdir() in words and process.info["status"] != psutil.STATUS_ZOMBIE:
                servers.append(words)
        return [*self.beside(), *folders, *servers]


def scratches_of(services: Services, alive_seconds: float) -> Scratches:
    """Return scratches whose owner counts as gone after that time."""
    box = SealedBox(services.store)
    return Scratches(services.store, box, services.connections, alive_seconds=alive_seconds)


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))


def _sql_source(request: pytest.FixtureRequest, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    engine: Sqlite | Postgres | Mysql
    if name == "sqlite":
        engine = Sqlite(folder)
        url = f"sqlite:///{engine.path}"
    elif name == "postgresql":
        server = request.getfixturevalue("pg_server")
        engine = Postgres(server)
        url = _with_password(server.url(engine.database), login("postgresql")[1])
    else:
        family = request.getfixturevalue(f"{name}_server")
        monkeypatch.setenv("PATH", f"{family.programs}{os.pathsep}{os.environ['PATH']}")
        engine = Mysql(family)
        url = _with_password(family.url(engine.database), login(name)[1])
    engine.run(engine.small)
    engine.fill(PARENTS, CHILDREN)
    if engine.analyze:
        engine.run(engine.analyze)
    return Source(name, folder, url, lambda: _state(engine), lambda: _beside(engine), engine)


def _beside(engine: EngineUnderTest) -> list[object]:
    return [] if isinstance(engine, Sqlite) else engine.leftovers()


def _state(engine: EngineUnderTest) -> str:
    """Tell what writers leave behind: the file's digest and version, or the server's own counters of writes."""
    if isinstance(engine, Sqlite):
        data = engine.path.read_bytes()
        beside = sorted(path.name for path in engine.path.parent.glob(engine.path.name + "-*"))
        return hashlib.sha256(data).hexdigest() + str(beside) + str(engine.path.stat().st_mtime_ns)
    if isinstance(engine, Postgres):
        counters = (
            "SELECT pg_stat_force_next_flush()"
            if int(engine.fetch("SHOW server_version_num")[0][0]) >= 150000
            else "SELECT 1"
        )
        engine.fetch(counters)
        return str(
            engine.fetch(
                "SELECT sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del), count(*) FROM pg_stat_user_tables"
            ) + engine.fetch("SELECT sum(pg_relation_filenode(oid)::bigint) FROM pg_class WHERE relkind IN ('r', 'i')")
        )  # fmt: skip
    return str(engine.fetch("CHECKSUM TABLE parent, child, pairs") + engine.fetch("SHOW TABLES"))


def _mongo_source(request: pytest.FixtureRequest, folder: Path) -> Source:
    server = request.getfixturevalue("mongodb_server")
    client, name = request.getfixturevalue("mongo_client"), server.create_database()
    client[name]["parent"].insert_many([{"_id": n, "code": f"c{n}", "grp": n % 7} for n in range(PARENTS)])
    client[name]["child"].insert_many([{"_id": n, "parent": n % PARENTS, "label": f"l{n}"} for n in range(CHILDREN)])
    client[name]["child"].create_index("label")

    def state() -> str:
        found = {
            one: list(client[name][one].find({}, sort=[("_id", 1)])) for one in client[name].list_collection_names()
        }
        return json.dumps(found, sort_keys=True, default=str)

    def beside() -> list[object]:
        return [one for one in client.list_database_names() if one.startswith("dbmanager_scratch_")]

    request.addfinalizer(lambda: server.drop_database(name))
    return Source("mongodb", folder, _with_password(server.url(name), MONGO_PASSWORD), state, beside)


def _redis_source(request: pytest.FixtureRequest, folder: Path) -> Source:
    server = request.getfixturevalue("redis_server")
    number = server.create_database()
    pairs = [part for n in range(CHILDREN) for part in (f"child:{n}", f"l{n}")]
    server.run("MSET", *pairs, database=number)
    request.addfinalizer(lambda: server.drop_database(number))
    url = _with_password(server.url(number), login("redis")[1])

    def state() -> str:
        return f"{server.run('DBSIZE', database=number)} {server.run('MGET', *pairs[::2], database=number)}"

    return Source("redis", folder, url, state, list)


@pytest.fixture
def mongo_client(mongodb_server: Any) -> Any:
    with mongodb_server.client() as client:
        yield client


@pytest.fixture(params=NAMES)
async def source(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Source]:
    """Each engine in turn, 300 parents and 3,000 children; scratch folders of this test alone, with short names."""
    if request.param == "mongodb":
        found = _mongo_source(request, tmp_path)
    elif request.param == "redis":
        found = _redis_source(request, tmp_path)
    else:
        found = _sql_source(request, request.param, tmp_path, monkeypatch)
    temporary = Path(tempfile.mkdtemp(prefix="dbm-"))  # after the servers, which live longer, have taken theirs
    temporary.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    yield found
    for services in found.made:
        await services.close()
    shutil.rmtree(temporary)
    if isinstance(found.sql, Postgres | Mysql):
        found.sql.drop()


async def counted(adapter: Adapter) -> dict[str, int]:
    """Count the rows of every base table."""
    from dbmanager.adapters.facets import need

    schema = await adapter.catalog.read_schema()
    return {t.name: await need(adapter.bulk, t.name).count(t) for t in schema.base_tables()}
