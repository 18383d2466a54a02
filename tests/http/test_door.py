"""What is not let in: other names, other pages, too much, too often; and where the server does not listen."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.engines.certificates import write_certificate
from tests.http.serving import (
    ERAS,
    LIST,
    TOKEN_TABLES,
    TOKENS,
    HttpServer,
    client_of,
    environment,
    serving,
    shop,
)
from tests.server.processes import call, until

pytestmark = pytest.mark.anyio
LIMITED = "[http]\nmax_body_bytes = 20000\n"


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """A server without tokens, which only loopback can reach."""
    with serving(shop(tmp_path_factory.mktemp("door"), LIMITED)) as running:
        yield running


@pytest.mark.parametrize("mode", ERAS)
async def test_loopback_needs_no_token_and_acts_for_the_process_user(open_server: HttpServer, mode: str) -> None:
    async with client_of(open_server, mode=mode) as client:
        assert "shop" in (await call(client, "list_connections"))[0]
        assert {"apply_change", "run_query"} <= {tool.name for tool in (await client.list_tools()).tools}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example:80", "localhost.evil:1"])
async def test_a_foreign_host_is_misdirected(open_server: HttpServer, host: str) -> None:
    assert open_server.post(Host=host).status_code == 421
    assert open_server.get("/metrics", Host=host).status_code == 421


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example:80"])
async def test_a_foreign_page_is_forbidden(open_server: HttpServer, origin: str) -> None:
    assert open_server.post(Origin=origin).status_code == 403
    assert open_server.post(Origin="http://localhost:3000").status_code == 200


async def test_too_large_a_body_is_refused_whether_it_says_so_or_not(open_server: HttpServer) -> None:
    large = {**LIST, "params": {"cursor": "x" * 30_000}}
    assert open_server.post(large).status_code == 413

    def pieces() -> Iterator[bytes]:
        yield b'{"jsonrpc":"2.0",'
        for _ in range(40):
            yield b" " * 1_000

    with httpx2.Client(trust_env=False) as client:
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        assert client.post(open_server.url, content=pieces(), headers=headers).status_code == 413


async def test_too_many_requests_are_told_when_to_come_again(tmp_path: Path) -> None:
    table = "[http]\nrequests_per_minute = 60\nburst = 5\n" + TOKEN_TABLES
    with serving(shop(tmp_path, table)) as server:
        answers = [server.post(token=TOKENS["reader"]) for _ in range(12)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert answers[0].status_code == 200
        assert refused
        wait = int(refused[-1].headers["Retry-After"])
        assert 1 <= wait <= 2
        assert server.post(token=TOKENS["writer"]).status_code == 200, "another principal has a bucket of its own"
        await until(lambda: server.post(token=TOKENS["reader"]).status_code == 200, "room in the bucket")
        guesses = {server.post(token=f"guess-number-{number}-" * 3).status_code for number in range(12)}
        assert guesses == {401, 429}, "guessing is slowed down by its address"
        assert server.get("/healthz").status_code == 200


async def test_no_more_than_so_many_requests_run_at_a_time(tmp_path: Path) -> None:
    with serving(shop(tmp_path, "[http]\nmax_concurrent = 1\n")) as server:
        host, port = server.origin.removeprefix("http://").split(":")
        head = f"POST /mcp HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(
                (head + "Accept: application/json, text/event-stream\r\nContent-Length: 5000\r\n\r\n{").encode()
            )
            deadline = time.monotonic() + 10
            while (answer := server.post()).status_code != 503:
                assert time.monotonic() < deadline
            assert answer.headers["Retry-After"] == "1"
        deadline = time.monotonic() + 10
        while server.post().status_code != 200:
            assert time.monotonic() < deadline


async def test_a_request_that_takes_too_long_is_stopped_and_told_so(tmp_path: Path) -> None:
    from tests.http.serving import SLOW

    with serving(shop(tmp_path, "[http]\nrequest_timeout_seconds = 1.0\n")) as server:
        async with client_of(server) as client:
            began = time.monotonic()
            text, _, failed = await call(client, "run_query", connection="shop", sql=SLOW)
            assert failed
            assert "request_timeout" in text
            assert time.monotonic() - began < 4
            assert not (await call(client, "run_query", connection="shop", sql="SELECT 1"))[2]


@pytest.mark.parametrize("mode", ERAS)
async def test_tls_with_a_private_authority(tmp_path: Path, mode: str) -> None:
    certificate, key = write_certificate(tmp_path)
    table = f'[http]\ntls_cert = "{certificate.name}"\ntls_key = "{key.name}"\n' + TOKEN_TABLES
    with serving(shop(tmp_path, table)) as server:
        assert server.url.startswith("https://")
        trusting = ssl.create_default_context(cafile=str(certificate))
        async with client_of(server, TOKENS["reader"], mode=mode, verify=trusting) as client:
            assert "shop" in (await call(client, "list_connections"))[0]
        with pytest.raises(httpx2.ConnectError):
            server.post(token=TOKENS["reader"])
        assert server.post(token=TOKENS["reader"], verify=trusting).status_code == 200


UNSAFE = {
    "no token": ("", "needs tokens"),
    "no encryption": (TOKEN_TABLES, "needs TLS"),
    "a proxy without names": ("[http]\nbehind_proxy = true\n" + TOKEN_TABLES, "needs http.allowed_hosts"),
    "a proxy without tokens": ('[http]\nbehind_proxy = true\nallowed_hosts = ["db.example"]\n', "needs tokens"),
    "TLS without names": ('[http]\ntls_cert = "server.crt"\ntls_key = "server.key"\n' + TOKEN_TABLES, "allowed_hosts"),
    "a short token": ('[http.tokens.ann]\ntoken = { env = "SHORT" }\n', "shorter than 32"),
    "a token twice": (TOKEN_TABLES + '[http.tokens.twin]\ntoken = { env = "TOKEN_READER" }\n', "another principal's"),
    "a token that is not there": ('[http.tokens.ann]\ntoken = { env = "UNSET" }\n', "is not set"),
    "a certificate without a key": ('[http]\ntls_cert = "server.crt"\n', "belong together"),
    "a certificate that is none": ('[http]\ntls_cert = "dbmanager.toml"\ntls_key = "dbmanager.toml"\n' + TOKEN_TABLES, "can't be used"),
    "keys over plain http": ('[http]\nurl = "https://db.example/mcp"\n[http.jwt]\nissuer = "https://i.example"\njwks_url = "http://i.example/k"\n', "https"),
    "keys from nowhere": ('[http.jwt]\nissuer = "https://i.example"\n', "jwks_url or key_file"),
}  # fmt: skip
BEYOND = ("no token", "no encryption", "TLS without names")


@pytest.mark.parametrize("name", UNSAFE)
def test_it_does_not_listen_where_that_would_be_unsafe(tmp_path: Path, name: str) -> None:
    table, reason = UNSAFE[name]
    write_certificate(tmp_path)
    place = "0.0.0.0:0" if name in BEYOND else "127.0.0.1:0"
    done = subprocess.run(
        [sys.executable, "-m", "dbmanager_server", "serve", "--http", place], cwd=shop(tmp_path, table),
        env=environment(tmp_path, {"SHORT": "abc"}), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1, "one clear sentence"
    assert "Listening" not in done.stderr
    assert not any(token in done.stderr for token in TOKENS.values())


@pytest.mark.parametrize("place", ["8000", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:99999", "[::1]", "a/b:3"])
def test_a_place_that_is_none_is_one_sentence(tmp_path: Path, place: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dbmanager_server", "serve", "--http", place], cwd=shop(tmp_path),
        env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "HOST:PORT" in done.stderr


async def test_a_port_that_is_taken_is_one_sentence(open_server: HttpServer, tmp_path: Path) -> None:
    port = open_server.origin.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "dbmanager_server", "serve", "--http", f"127.0.0.1:{port}"], cwd=shop(tmp_path),
        env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "cannot listen" in done.stderr


async def test_behind_a_proxy_it_answers_to_the_proxys_names_alone(tmp_path: Path) -> None:
    table = '[http]\nbehind_proxy = true\nallowed_hosts = ["db.example"]\nallowed_origins = ["https://app.example"]\n'
    with serving(shop(tmp_path, table + TOKEN_TABLES)) as server:
        token = TOKENS["reader"]
        assert server.post(token=token, Host="db.example").status_code == 200
        assert server.post(token=token, Host="db.example", Origin="https://app.example").status_code == 200
        assert server.post(token=token, Host="db.example", Origin="https://other.example").status_code == 403
        assert server.post(token=token, Host="evil.example").status_code == 421
