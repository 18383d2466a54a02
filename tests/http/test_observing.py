"""What may be seen of calls: lines on stderr, figures, health; and that no value is among it."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import anyio
import anyio.to_thread
import pytest
from mcp import Client, MCPError, StdioServerParameters
from prometheus_client.parser import text_string_to_metric_families

from tests.http.serving import ERAS, SLOW, TOKEN_TABLES, TOKENS, HttpServer, client_of, serving, shop
from tests.server.processes import call, stop_workers, until

pytestmark = pytest.mark.anyio
PLANTED = "zq-planted-7f3a"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    folder = shop(tmp_path_factory.mktemp("seen"), TOKEN_TABLES)
    with serving(folder, "--log", "json") as running:
        yield running
    stop_workers(folder)


def _lines(log: Path) -> list[dict[str, Any]]:
    """What was told of calls; every line of the file is one, or says where it listens."""
    lines = [line for line in log.read_text().splitlines() if not line.startswith("Listening on ")]
    return [json.loads(line) for line in lines]


def _figures(server: HttpServer) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by its name and the values of its labels."""
    answer = server.get("/metrics", TOKENS["reader"])
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


def _sum(server: HttpServer, name: str, *labels: str) -> float:
    return sum(v for (n, values), v in _figures(server).items() if n == name and set(labels) <= set(values))


async def _plant(client: Client) -> None:
    """Put a secret everywhere a client can write one."""
    await call(
        client, "run_query", connection="shop", sql="SELECT id FROM customers WHERE city = ?", parameters=[PLANTED]
    )
    await call(client, "run_query", connection=PLANTED, sql=f"SELECT '{PLANTED}'")
    await call(client, "run_query", connection="shop", sql=f"SELECT broken {PLANTED.replace('-', '_')}")
    await call(client, PLANTED, anything=PLANTED)
    await call(client, "list_connections", **{PLANTED: PLANTED})
    for address in (f"dbm://jobs/{PLANTED}", f"dbm://{PLANTED}"):
        with pytest.raises(MCPError) as refused:
            await client.read_resource(address)
        assert PLANTED in str(refused.value) or "nknown" in str(refused.value)


@pytest.mark.parametrize("mode", ERAS)
async def test_a_line_tells_who_called_what_and_how_it_went(server: HttpServer, mode: str) -> None:
    before = len(_lines(server.log))
    async with client_of(server, TOKENS["reader"], mode=mode) as client:
        await call(client, "run_query", connection="shop", sql="SELECT 1")
        await call(client, "run_query", connection="shop", sql="DELETE FROM customers")
        await call(client, "apply_change", change="chg_0000000000", confirm_token="x")
    calls = [line for line in _lines(server.log)[before:] if line["method"] == "tools/call"]
    assert [(line["tool"], line["outcome"], line.get("code")) for line in calls] == [
        ("run_query", "ok", None), ("run_query", "error", "statement_refused"), ("apply_change", "error", "insufficient_scope"),
    ]  # fmt: skip
    assert {line["principal"] for line in calls} == {"reader"}
    assert calls[0]["connection"] == "shop"
    assert all(line["milliseconds"] >= 0 and line["time"].endswith("+00:00") for line in calls)


@pytest.mark.parametrize("mode", ERAS)
async def test_no_argument_row_or_value_is_in_lines_or_figures(server: HttpServer, mode: str) -> None:
    async with client_of(server, TOKENS["writer"], mode=mode) as client:
        await _plant(client)
        shown = (await call(client, "run_query", connection="shop", sql="SELECT city FROM customers LIMIT 1"))[0]
        assert "Leeds" in shown
    server.post({"jsonrpc": "2.0", "id": 1, "method": PLANTED, "params": {}}, token=TOKENS["writer"])
    told = server.log.read_text() + server.get("/metrics", TOKENS["reader"]).text
    assert PLANTED not in told
    assert PLANTED.replace("-", "_") not in told
    assert "Leeds" not in told
    assert not any(token in told for token in TOKENS.values())


async def test_figures_count_calls_errors_and_what_runs(server: HttpServer) -> None:
    calls, errors = ("dbmanager_calls_total", "run_query"), ("dbmanager_errors_total", "statement_refused")
    before = [
        _sum(server, *calls, "ok"),
        _sum(server, *errors),
        _sum(server, "dbmanager_call_duration_seconds_count", "run_query"),
    ]
    async with client_of(server, TOKENS["reader"]) as client:
        for _ in range(3):
            await call(client, "run_query", connection="shop", sql="SELECT 1")
        await call(client, "run_query", connection="shop", sql="DROP TABLE customers")
        after = [
            _sum(server, *calls, "ok"),
            _sum(server, *errors),
            _sum(server, "dbmanager_call_duration_seconds_count", "run_query"),
        ]
        assert [b - a for a, b in zip(before, after, strict=True)] == [3, 1, 4]
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: call(client, "run_query", connection="shop", sql=SLOW))
            await until(lambda: _sum(server, "dbmanager_calls_running") == 1, "the call")
            group.cancel_scope.cancel()
    await until(lambda: _sum(server, "dbmanager_calls_running") == 0, "its end")
    assert _sum(server, *calls, "cancelled") == 1


async def test_figures_count_jobs_by_state(server: HttpServer) -> None:
    done = _sum(server, "dbmanager_jobs", "done")
    async with client_of(server, TOKENS["writer"]) as client:
        job = (await call(client, "run_backup", connection="shop", background=True))[1]["job"]
        assert (await call(client, "get_job", job=job, wait_seconds=40))[1]["state"] == "done"
    assert _sum(server, "dbmanager_jobs", "done") == done + 1


async def test_health_needs_no_token_and_readiness_needs_the_store(server: HttpServer) -> None:
    assert server.get("/healthz").text == "ok\n"
    assert server.get("/readyz").json() == {"ready": True}
    assert server.get("/metrics").status_code == 401


async def test_it_is_not_ready_while_its_store_is_away(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    text = (folder / "dbmanager.toml").read_text()
    (folder / "dbmanager.toml").write_text(
        text.replace('data_dir = "state"', 'data_dir = "state"\nurl = "postgresql+asyncpg://nobody@127.0.0.1:9/none"')
    )
    with serving(folder) as server:
        assert server.get("/healthz").status_code == 200
        began = time.monotonic()
        answer = server.get("/readyz")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_standard_streams_tell_the_same_lines(tmp_path: Path, mode: str) -> None:
    log = tmp_path / "log.txt"
    with log.open("w") as errors:
        parameters = StdioServerParameters(
            command="sh", args=["-c", f"exec {sys.executable} -m dbmanager_server serve --log json 2> log.txt"],
            cwd=shop(tmp_path), env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        )  # fmt: skip
        async with Client(parameters, mode=mode) as client:
            await _plant(client)
            await call(client, "run_query", connection="shop", sql="SELECT 1")
        errors.flush()
    told = log.read_text()
    last = [line for line in map(json.loads, told.splitlines()) if line["method"] == "tools/call"][-1]
    assert (last["tool"], last["connection"], last["outcome"]) == ("run_query", "shop", "ok")
    assert last["principal"]
    assert PLANTED not in told


async def test_spans_carry_names_and_no_value(tmp_path: Path) -> None:
    with serving(shop(tmp_path, TOKEN_TABLES), env={"OTEL_TRACES_EXPORTER": "console"}) as server:
        async with client_of(server, TOKENS["writer"]) as client:
            await _plant(client)
            await call(client, "run_query", connection="shop", sql="SELECT city FROM customers LIMIT 3")
        await until(lambda: server.log.read_text().count('"tools/call run_query"') >= 4, "its spans")
        text = server.log.read_text()
        assert '"gen_ai.tool.name": "run_query"' in text
        assert '"mcp.method.name": "tools/call"' in text
        assert "Leeds" not in text
        assert not any(token in text for token in TOKENS.values())
        for span in text.split('"name": ')[1:]:
            attributes = span.partition('"attributes": ')[2].partition("}")[0]
            assert PLANTED not in attributes or f'"gen_ai.tool.name": "{PLANTED}"' in attributes


class _Collector(http.server.BaseHTTPRequestHandler):
    """Takes spans as a collector does."""

    got: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        return


async def test_a_collector_gets_the_spans_also_those_before_the_end_and_no_value(tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Collector) as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        env = {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        }
        try:
            with serving(shop(tmp_path), env=env) as server:
                async with client_of(server) as client:
                    query = {"connection": "shop", "sql": "SELECT city FROM customers WHERE city <> ? LIMIT 3"}
                    assert "Leeds" in (await call(client, "run_query", **query, parameters=[PLANTED]))[0]
                server.process.terminate()
                assert await anyio.to_thread.run_sync(server.process.wait, 10) == 143
        finally:
            collector.shutdown()
            thread.join()
    got = b"".join(_Collector.got)
    assert b"tools/call run_query" in got
    assert b"gen_ai.tool.name" in got
    assert PLANTED.encode() not in got
    assert b"Leeds" not in got


async def test_a_collector_that_is_away_holds_nothing(tmp_path: Path) -> None:
    env = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with serving(shop(tmp_path), env=env) as server:
        assert server.post().status_code == 200
        began = time.monotonic()
        server.process.terminate()
        assert await anyio.to_thread.run_sync(server.process.wait, 10) == 143
        assert time.monotonic() - began < 3


def test_an_exporter_nobody_knows_is_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dbmanager_server", "serve", "--http", "127.0.0.1:0"], cwd=shop(tmp_path),
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OTEL_TRACES_EXPORTER": "pigeon"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "OTEL_TRACES_EXPORTER=pigeon" in done.stderr
