"""Addresses, logins and encryption."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from dbmanager.adapters.mongodb.adapter import MongoAdapter
from dbmanager.adapters.mongodb.session import _address, _arguments
from dbmanager.errors import ConfigurationError, ConnectionFailed, DbManagerError
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl, TlsSettings
from dbmanager.services.connections import resolve
from tests.engines.certificates import write_certificate
from tests.engines.mongodb import PASSWORD, Client, MongoServer
from tests.mongodb.conftest import Open, resolved

pytestmark = pytest.mark.anyio


def _resolved(url: str) -> tuple[ResolvedUrl, ConnectionSettings]:
    settings = ConnectionSettings(url=url)
    return resolve("shop", settings, Path()), settings


def test_several_hosts_and_services_are_kept_as_written() -> None:
    url, settings = _resolved("mongodb://app@a.example:27018,b.example/shop?replicaSet=r&authSource=admin")
    assert _address(url) == "mongodb://a.example:27018,b.example/?replicaSet=r&authSource=admin"
    assert _arguments(url, settings)["tls"] is True
    url, settings = _resolved("mongodb+srv://app@cluster.example/shop")
    assert _address(url) == "mongodb+srv://cluster.example/?"
    assert (_arguments(url, settings)["tls"], _arguments(url, settings)["authSource"]) == (True, "shop")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:27018", "[::1]:27017"])
def test_loopback_needs_no_encryption(host: str) -> None:
    url, settings = _resolved(f"mongodb://{host}/shop")
    assert _arguments(url, settings)["tls"] is False


@pytest.mark.parametrize(
    "option", ["tls=false", "tlsInsecure=true", "ssl=false", "w=0", "maxPoolSize=500", "nonsense=1"]
)
def test_the_address_does_not_weaken_what_is_configured(option: str) -> None:
    with pytest.raises(ConfigurationError, match=option.partition("=")[0]):
        _resolved(f"mongodb://db.example/shop?{option}")


async def test_at_most_four_connections_are_opened(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_one({"_id": 1})
    adapter = open_mongo()
    await asyncio.gather(*(adapter.query.fetch('{"count": "k"}') for _ in range(40)))
    client = adapter._sessions._client
    assert client is not None
    assert client.options.pool_options.max_pool_size == 3


async def test_nobody_answering_is_told_by_address() -> None:
    url, settings = _resolved("mongodb://127.0.0.1:1/shop?directConnection=true")
    adapter = MongoAdapter("shop", url, settings)
    with pytest.raises(ConnectionFailed, match=r"nothing answers at 127\.0\.0\.1:1"):
        await adapter.query.fetch('{"count": "k"}')
    await adapter.close()


async def test_a_user_without_rights_is_told_what_it_lacks(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_one({"_id": 1})
    mongo.admin.command("createUser", "limited", pwd=PASSWORD, roles=[{"role": "readAnyDatabase", "db": "admin"}])
    try:
        adapter = open_mongo(user="limited")
        info = await adapter.catalog.server_info()
        assert (info.role, info.is_superuser) == ("limited", False)
        assert (await adapter.catalog.read_schema()).table("k").row_estimate is not None
        sample = await adapter.statistics.sample((await adapter.catalog.read_schema()).table("k"))
        assert sample.rows
    finally:
        mongo.admin.command("dropUser", "limited")


@asynccontextmanager
async def encrypted(server: MongoServer, certificate: Path, key: Path) -> AsyncIterator[int]:
    """Yield the port of a way to the server through TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(server.host, server.port)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer), return_exceptions=True)

    listening = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=context)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


async def _count(server: MongoServer, port: int, host: str, database: str, tls: TlsSettings) -> int:
    address = resolved(server, database).model_copy(
        update={"hosts": f"{host}:{port}", "host": host, "port": port, "password": SecretStr(PASSWORD)}
    )
    adapter = MongoAdapter("shop", address, ConnectionSettings(url="mongodb://x/y", tls=tls))
    try:
        return int(str((await adapter.query.fetch('{"count": "k"}'))[0][0]))
    finally:
        await adapter.close()


@pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning")
async def test_certificates_are_verified(
    mongo: Client, database: str, mongodb_server: MongoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dbmanager.adapters.mongodb.session.CONNECT_SECONDS", 2.0)
    mongo[database].k.insert_one({"_id": 1})
    certificate, key = write_certificate(tmp_path)
    async with encrypted(mongodb_server, certificate, key) as port:
        trusted = TlsSettings(mode="verify-full", ca_file=certificate)
        assert await _count(mongodb_server, port, "127.0.0.1", database, trusted) == 1
        loose = TlsSettings(mode="verify-ca", ca_file=certificate)
        assert await _count(mongodb_server, port, "localhost", database, loose) == 1
        assert await _count(mongodb_server, port, "127.0.0.1", database, TlsSettings(mode="require", ca_file=None)) == 1
        for host, tls in (("127.0.0.1", TlsSettings(mode="verify-full", ca_file=None)), ("localhost", trusted)):
            with pytest.raises(DbManagerError, match="TLS"):
                await _count(mongodb_server, port, host, database, tls)
    # pymongo (4.20, `_async_create_connection`) closes the socket of an attempt that failed, not of one that was cancelled:
    # a client that is closed while its monitor connects again, every half second, leaves it to the collector. So it does
    # without any code of ours.
    gc.collect()
