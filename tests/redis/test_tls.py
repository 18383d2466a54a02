"""TLS to the server: verified with its authority, refused without, and clean in the checks."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.adapters.redis.session import tls_options
from dbmanager.errors import ConnectionFailed
from dbmanager.model.backups import BackupArtifact
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from dbmanager.services.checking import run_checks
from tests.conftest import needed
from tests.engines.certificates import write_certificate
from tests.engines.instance import free_port, private_folder
from tests.engines.redis import PASSWORD, SUPERUSER, RedisServer, running

pytestmark = pytest.mark.anyio


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


def _adapter(port: int, scheme: str, tls: dict[str, str] | None) -> RedisAdapter:
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


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
async def test_an_encrypted_connection_answers(
    mode: str, encrypted: tuple[RedisServer, int, Path], tmp_path: Path
) -> None:
    _, port, authority = encrypted
    tls = {"mode": mode, **({"ca_file": str(authority)} if mode != "require" else {})}
    adapter = _adapter(port, "rediss", tls)
    try:
        assert await adapter.query.fetch('["PING"]') == [("PONG",)]
        report = await run_checks(adapter.security, engine="redis")
        assert "RD-008" not in {finding.id for finding in report.findings}
        if mode != "verify-full":
            return
        artifact = await adapter.backup.back_up(tmp_path / "file")
        assert isinstance(artifact, BackupArtifact)
        assert artifact.method.startswith("redis-cli")
    finally:
        await adapter.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
async def test_an_authority_that_nobody_named_is_not_trusted(encrypted: tuple[RedisServer, int, Path]) -> None:
    adapter = _adapter(encrypted[1], "rediss", None)
    with pytest.raises(ConnectionFailed, match="TLS with"):
        await adapter.query.fetch('["PING"]')
    await adapter.close()
    gc.collect()  # asyncio leaves the transport of a refused handshake to the collector


@pytest.mark.parametrize(
    ("scheme", "host", "tls", "encrypts"),
    [("redis", "127.0.0.1", None, False), ("rediss", "127.0.0.1", None, True), ("redis", "db.example", None, True),
     ("valkeys", "localhost", None, True), ("redis", "db.example", {"mode": "disable"}, False)],
)  # fmt: skip
def test_beyond_loopback_tls_is_on_unless_it_is_disabled(
    scheme: str, host: str, tls: dict[str, str] | None, encrypts: bool
) -> None:
    url = ResolvedUrl(engine="redis", scheme=scheme, host=host, database="0")
    settings = ConnectionSettings.model_validate({"url": f"{scheme}://{host}", **({"tls": tls} if tls else {})})
    assert (tls_options(url, settings) is not None) is encrypts
