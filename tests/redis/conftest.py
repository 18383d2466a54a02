"""Adapters on the private Redis server, each test on an empty logical database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from tests.conftest import needed
from tests.engines.certificates import write_certificate
from tests.engines.instance import free_port, private_folder
from tests.engines.redis import PASSWORD, SUPERUSER, RedisServer, running

OpenRedis = Callable[..., RedisAdapter]


def adapter_on(
    server: RedisServer, database: int, *, user: str = SUPERUSER, password: str = PASSWORD, access: str = "read_write"
) -> RedisAdapter:
    """Return an adapter on a server."""
    url = ResolvedUrl(
        engine="redis", scheme="redis", host=server.host, port=server.port, user=user, password=SecretStr(password),
        database=str(database),
    )  # fmt: skip
    settings = ConnectionSettings.model_validate({"url": server.url(database, user), "access": access})
    return RedisAdapter("test", url, settings)


@pytest.fixture
def database(redis_server: RedisServer) -> Iterator[int]:
    """Return the number of an empty database."""
    number = redis_server.create_database()
    yield number
    redis_server.drop_database(number)


@pytest.fixture
async def open_redis(redis_server: RedisServer) -> AsyncIterator[OpenRedis]:
    """Return an opener of adapters that are closed after the test."""
    opened: list[RedisAdapter] = []

    def open_(database: int, **options: str) -> RedisAdapter:
        opened.append(adapter_on(redis_server, database, **options))
        return opened[-1]

    yield open_
    for adapter in opened:
        await adapter.close()


@pytest.fixture(scope="module")
def encrypted() -> Iterator[tuple[RedisServer, int, Path]]:
    """A server that also listens with TLS, its port and its authority."""
    with private_folder("redis") as folder:
        certificate, key = write_certificate(folder)
        key.chmod(0o644)
        port = free_port()
        settings = {
            "tls_port": str(port), "tls_cert_file": str(certificate), "tls_key_file": str(key), "tls_ca_cert_file": str(certificate),
            "tls_auth_clients": "no",
        }  # fmt: skip
        with needed(), running(None, **settings) as server:
            yield server, port, certificate


def tls_adapter(port: int, scheme: str, tls: dict[str, str] | None) -> RedisAdapter:
    """Return an adapter on the TLS port of a server of this machine."""
    url = ResolvedUrl(
        engine="redis",
        scheme=scheme,
        host="127.0.0.1",
        port=port,
        user=SUPERUSER,
        password=SecretStr(PASSWORD),
        database="0",
    )
    settings = ConnectionSettings.model_validate(
        {"url": f"{scheme}://127.0.0.1:{port}/0", **({"tls": tls} if tls else {})}
    )
    return RedisAdapter("test", url, settings)
