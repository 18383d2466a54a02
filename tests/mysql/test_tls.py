"""TLS to MySQL and MariaDB: verified with its authority, refused without, and the same for the dump programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from dbmanager.adapters.facets import BackupScript, Unsupported
from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.adapters.mysql.tls import client_options
from dbmanager.errors import AuthenticationFailed, ConnectionFailed, StatementFailed
from dbmanager.model.backups import BackupArtifact
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl, TlsSettings
from tests.conftest import needed
from tests.engines import mariadb, mysql
from tests.engines.certificates import write_certificate
from tests.engines.instance import give_away, login
from tests.engines.mysql_family import MySqlServer

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]
ENGINES = {"mysql": mysql, "mariadb": mariadb}
BEYOND = "127.0.0.2"
"""An address of this machine that is none of those that count as loopback."""


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A server with a certificate for 127.0.0.1, the certificate, and one of another authority."""

    server: MySqlServer
    certificate: Path
    other: Path
    database: str


@pytest.fixture(scope="module", params=sorted(ENGINES))
def encrypted(request: pytest.FixtureRequest) -> Iterator[Encrypted]:
    folder = Path(tempfile.mkdtemp(prefix="dbmanager-tls-"))
    try:
        (folder / "other").mkdir()
        other, _ = write_certificate(folder / "other")
        certificate, key = write_certificate(folder)
        give_away(folder, certificate, key)
        settings = {"ssl_ca": str(certificate), "ssl_cert": str(certificate), "ssl_key": str(key)}
        with needed(), ENGINES[request.param].running(bind_address="0.0.0.0", **settings) as server:
            yield Encrypted(server, certificate, other, server.create_database("CREATE TABLE t (id int PRIMARY KEY)"))
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module", params=sorted(ENGINES))
def plain(request: pytest.FixtureRequest) -> Iterator[MySqlServer]:
    """A server that has no TLS at all."""
    settings = {"tls_version": "", "auto_generate_certs": "OFF"} if request.param == "mysql" else {"ssl": "OFF"}
    with needed(), ENGINES[request.param].running(bind_address="0.0.0.0", **settings) as server:
        yield server


def _adapter(server: MySqlServer, database: str, tls: TlsSettings | None, host: str = "127.0.0.1") -> MysqlAdapter:
    user, secret = login(server.engine)
    url = ResolvedUrl(
        engine="mysql", host=host, port=server.port, user=user, password=SecretStr(secret), database=database
    )
    return MysqlAdapter("real", url, ConnectionSettings(url="mysql://x/y", access="read_write", tls=tls))


async def _cipher(adapter: MysqlAdapter) -> str:
    try:
        return str((await adapter.query.fetch("SHOW STATUS LIKE 'Ssl_cipher'"))[0][1])
    finally:
        await adapter.close()


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
async def test_a_demanded_connection_is_encrypted(mode: str, encrypted: Encrypted) -> None:
    authority = {"ca_file": encrypted.certificate} if mode != "require" else {}
    tls = TlsSettings.model_validate({"mode": mode, **authority})
    assert await _cipher(_adapter(encrypted.server, encrypted.database, tls))


async def test_the_certificate_alone_counts_where_the_name_is_not_checked(encrypted: Encrypted) -> None:
    tls = TlsSettings(mode="verify-ca", ca_file=encrypted.certificate)
    assert await _cipher(_adapter(encrypted.server, encrypted.database, tls, "localhost"))


async def test_a_certificate_that_does_not_fit_is_refused_with_the_reason(encrypted: Encrypted) -> None:
    trusted = TlsSettings(mode="verify-full", ca_file=encrypted.certificate)
    for tls, host, why in (
        (trusted, "localhost", "another host"),
        (trusted, BEYOND, "another host"),
        (TlsSettings(mode="verify-full", ca_file=encrypted.other), "127.0.0.1", "TLS with"),
        (TlsSettings(mode="verify-ca", ca_file=encrypted.other), "127.0.0.1", "TLS with"),
        (TlsSettings(mode="verify-full"), "127.0.0.1", "signed by"),
        (None, BEYOND, "signed by"),
    ):
        with pytest.raises(ConnectionFailed, match=why) as refused:
            await _cipher(_adapter(encrypted.server, encrypted.database, tls, host))
        assert "connections.real.tls" in str(refused.value.hint)


async def test_beyond_loopback_plain_text_is_never_a_way_out(plain: MySqlServer) -> None:
    database = plain.create_database()
    with pytest.raises(ConnectionFailed, match="the server offers none"):
        await _cipher(_adapter(plain, database, None, BEYOND))
    assert await _cipher(_adapter(plain, database, TlsSettings(mode="disable"), BEYOND)) == ""
    assert await _cipher(_adapter(plain, database, None)) == ""


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
async def test_a_server_without_encryption_is_refused_when_it_is_wanted(mode: str, plain: MySqlServer) -> None:
    database = plain.create_database()
    tls = TlsSettings.model_validate({"mode": mode})
    with pytest.raises(ConnectionFailed, match="the server offers none") as refused:
        await _cipher(_adapter(plain, database, tls))
    assert "connections.real.tls.mode" in str(refused.value.hint)


async def test_a_server_that_demands_encryption_says_so(encrypted: Encrypted) -> None:
    encrypted.server.run_sql("", "SET GLOBAL require_secure_transport = ON")
    try:
        with pytest.raises((ConnectionFailed, AuthenticationFailed)) as refused:
            await _cipher(_adapter(encrypted.server, encrypted.database, None))
        assert "encrypted connections only" in f"{refused.value.message} {refused.value.hint}"
    finally:
        trusted = _adapter(
            encrypted.server, encrypted.database, TlsSettings(mode="verify-full", ca_file=encrypted.certificate)
        )
        async with trusted._sessions.administering() as raw:
            await raw.run("SET GLOBAL require_secure_transport = OFF")
        await trusted.close()


@pytest.fixture
def dumping(encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch) -> Encrypted:
    monkeypatch.setenv("PATH", f"{encrypted.server.programs}{os.pathsep}{os.environ['PATH']}")
    return encrypted


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca"])
async def test_dumps_and_restores_keep_to_the_same_demand(mode: str, dumping: Encrypted, tmp_path: Path) -> None:
    tls = TlsSettings.model_validate({"mode": mode, "ca_file": dumping.certificate})
    adapter = _adapter(dumping.server, dumping.database, tls)
    try:
        artifact = await adapter.backup.back_up(tmp_path / "made.backup")
        assert isinstance(artifact, BackupArtifact)
        async with adapter.backup.restore_to_scratch(artifact) as scratch:
            assert [table.name for table in (await scratch.catalog.read_schema()).tables] == ["t"]
    finally:
        await adapter.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_dump_program_refuses_what_our_own_connections_refuse(
    host: str, dumping: Encrypted, tmp_path: Path
) -> None:
    """The session is made with a demand that holds; the program gets one that does not: another host, another authority."""
    adapter = _adapter(dumping.server, dumping.database, TlsSettings(mode="require"))
    try:
        await adapter._sessions.facts()
        authority = dumping.certificate if host == "localhost" else dumping.other
        tls = TlsSettings(mode="verify-full", ca_file=authority)
        adapter._sessions.settings = ConnectionSettings(url="mysql://x/y", access="read_write", tls=tls)
        adapter._sessions.url = adapter._sessions.url.model_copy(update={"host": host})
        with pytest.raises(StatementFailed, match="2026"):
            assert not isinstance(await adapter.backup.back_up(tmp_path / "made.backup"), Unsupported)
    finally:
        await adapter.close()


@pytest.mark.parametrize("product", sorted(ENGINES))
def test_client_programs_verify_beyond_loopback_by_default(product: str) -> None:
    url = ResolvedUrl(engine="mysql", host="db.example", database="shop")
    lines = client_options(url, ConnectionSettings(url="mysql://db.example/shop"), product)
    assert {"mysql": "ssl-mode=VERIFY_IDENTITY", "mariadb": "ssl-verify-server-cert"}[product] in lines
    assert any(line.startswith(("ssl-ca=", "ssl-capath=")) for line in lines)


def _backed_up(
    dumping: Encrypted, tls: TlsSettings, folder: Path, server_tls: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the exported script as a timer would, the login in an option file."""
    made = _adapter(dumping.server, dumping.database, tls).backup_scripts.script("shop")
    assert isinstance(made, BackupScript)
    user, secret = login(dumping.server.engine)
    options = folder / "login.cnf"
    options.touch(mode=0o600)
    options.write_text(
        f"[client]\nhost=127.0.0.1\nport={dumping.server.port}\nuser={user}\npassword={secret}\nprotocol=TCP\n{server_tls}"
    )
    program = folder / f"backup.{made.ending}"
    program.write_text(made.text)
    assert secret not in made.text
    return subprocess.run(
        ["sh", str(program), str(folder / "made.sql"), dumping.database], capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "MYSQL_OPTIONS": str(options)},
    )  # fmt: skip


def test_the_exported_script_dumps_under_the_connections_demand(dumping: Encrypted, tmp_path: Path) -> None:
    tls = TlsSettings(mode="verify-full", ca_file=dumping.certificate)
    done = _backed_up(dumping, tls, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "CREATE TABLE `t`" in (tmp_path / "made.sql").read_text()


def test_the_exported_script_refuses_another_authority_whatever_the_option_file_says(
    dumping: Encrypted, tmp_path: Path
) -> None:
    tls = TlsSettings(mode="verify-full", ca_file=dumping.other)
    done = _backed_up(dumping, tls, tmp_path, f"ssl-ca={dumping.certificate}\n")
    assert done.returncode != 0
    assert "2026" in done.stderr
    assert "CREATE TABLE" not in (tmp_path / "made.sql").read_text()
