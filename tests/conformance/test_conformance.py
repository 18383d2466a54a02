"""The public conformance suite of the protocol against our server, extensions included: nothing may fail."""

from __future__ import annotations

import json
import queue
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.npm import command, environment, installed
from tests.server.raw import MODERN
from tests.server.test_tasks import declaring

pytestmark = pytest.mark.slow
HEADER_MISMATCH = -32020
SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
EXPECTED = Path(__file__).parent / "expected_failures.yml"
TOTAL = re.compile(r"^Total: (\d+) passed, (\d+) failed$", re.M)
SECONDS = 120
LEGS = {
    "2025-11-25": (["--suite", "all", "--spec-version", "2025-11-25"], 84),
    "2026-07-28": (["--suite", "all", "--spec-version", "2026-07-28"], 152),
    "extensions": (["--suite", "all"], 270),
    "required by 2026-07-28": (["--requirements", "2026-07-28"], 196),
}
"""What is run, and how many checks pass at least: the suite skips what a server does not declare."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the fixture in a process of its own."""
    folder = tmp_path_factory.mktemp("conformance")
    (folder / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[worker]\nslots = 8\n[connections.shop]\nurl = "sqlite:///shop.db"\n'
    )
    with (folder / "errors").open("wb") as errors:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.fixture_app", str(folder)],
            cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
    assert server.stdout is not None
    first: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=lambda: first.put(server.stdout.readline() if server.stdout else ""))
    reader.start()
    try:
        address = first.get(timeout=SECONDS).strip()
        assert address, (folder / "errors").read_text()
        yield address
    finally:
        server.kill()
        server.wait()
        reader.join()
        server.stdout.close()


@pytest.mark.parametrize("leg", LEGS)
def test_the_public_suite_finds_no_failure(leg: str, url: str) -> None:
    arguments, least = LEGS[leg]
    suite = command(installed(SUITE), "conformance")
    done = subprocess.run(
        [*suite, "server", "--url", url, *arguments, "--expected-failures", str(EXPECTED)],
        capture_output=True, text=True, check=False, env=environment(), timeout=SECONDS,
    )  # fmt: skip
    found = TOTAL.search(done.stdout)
    assert found is not None, done.stdout + done.stderr
    passed, failed = int(found[1]), int(found[2])
    assert failed == 0, done.stdout
    assert passed >= least, done.stdout
    assert done.returncode == 0, done.stdout


def ask(url: str, method: str, params: dict[str, Any], name: str | None) -> tuple[int, dict[str, Any]]:
    """Send a request with its routing headers, `name` among them unless it is None; return status and message."""
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method, **({"Mcp-Name": name} if name else {})}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": declaring(params)}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=SECONDS) as answered:
            status, text = answered.status, answered.read().decode()
    except urllib.error.HTTPError as refused:
        status, text = refused.code, refused.read().decode()
    line = next((line for line in text.splitlines() if line.startswith("data: {")), text)
    message: dict[str, Any] = json.loads(line.removeprefix("data: "))
    return status, message


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
def test_a_task_is_asked_for_under_its_own_name_only(method: str, url: str) -> None:
    call = {"name": "slow_compute", "arguments": {"seconds": 60}}
    task = ask(url, "tools/call", call, "slow_compute")[1]["result"]["taskId"]
    for name in (None, "job_0000000000"):
        status, refused = ask(url, method, {"taskId": task}, name)
        assert refused["error"]["code"] == HEADER_MISMATCH, name
        assert status == 400, name
    status, served = ask(url, method, {"taskId": task}, task)
    assert (status, served["result"]["resultType"]) == (200, "complete")
    ask(url, "tasks/cancel", {"taskId": task}, task)
