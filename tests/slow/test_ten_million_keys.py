"""A key space of ten million keys: looked at within bounds of time, commands and memory, while others are served."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis

from dbmanager.adapters.redis.catalog import BATCH, MAX_KEYS, MAX_SECONDS
from tests.conftest import needed
from tests.engines.redis import PASSWORD, SUPERUSER, RedisServer, running
from tests.slow.test_server_under_load import RawClient

pytestmark = pytest.mark.slow
KEYS = 10_000_000
GROWTH_BYTES = 250_000_000
SCAN_MICROSECONDS = 5_000
"""What one batch may keep every other client waiting for."""
LATENCY_RATIO = 5.0
PROBES = 2_000


@pytest.fixture(scope="module")
def crowded() -> Iterator[RedisServer]:
    """A server of ten million small strings."""
    with needed(), running(None, enable_debug_command="yes") as server:
        server.run("DEBUG", "POPULATE", str(KEYS), "item", "8")
        yield server


def _client(server: RedisServer) -> Redis:
    return Redis(host=server.host, port=server.port, username=SUPERUSER, password=PASSWORD, protocol=2)


def _latencies(client: Redis, ended: threading.Event | None = None) -> list[float]:
    """Return seconds of one GET after the other: so many, or until somebody says that it is over."""
    found: list[float] = []
    while (not ended.is_set()) if ended else len(found) < PROBES:
        started = time.perf_counter()
        client.get(f"item:{len(found)}")
        found.append(time.perf_counter() - started)
    return found


def _scans(client: Redis) -> tuple[int, float]:
    """Return how many SCANs the server has run, and the microseconds that one took."""
    told = client.info("commandstats")
    assert isinstance(told, dict)
    found = told.get("cmdstat_scan", {"calls": 0, "usec_per_call": 0.0})
    return int(found["calls"]), float(found["usec_per_call"])


def test_ten_million_keys_are_looked_at_in_bounds_while_others_are_served(crowded: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.many]\nurl = "{crowded.url(0)}"\npassword = {{ env = "PW" }}\n'
    )
    during: list[float] = []
    ended = threading.Event()
    ours = RawClient(tmp_path)
    with _client(crowded) as other, _client(crowded) as watching:
        assert other.dbsize() == KEYS
        _latencies(other)
        before = _latencies(other)
        probing = threading.Thread(target=lambda: during.extend(_latencies(other, ended)))
        try:
            process = psutil.Process(ours.process.pid)
            memory = process.memory_info().rss
            probing.start()
            started = time.monotonic()
            ours.call("describe_schema", connection="many", detail="full")
            result = ours.answer()["result"]
            elapsed = time.monotonic() - started
        finally:
            ended.set()
            probing.join()
            grown = process.memory_info().rss - memory
            ours.close()
        calls, microseconds = _scans(watching)
    text = str(result["content"][0]["text"])
    assert not result.get("isError"), text
    assert "item:*" in text
    ratio = statistics.median(during) / statistics.median(before)
    worst = max(during) * 1000
    print(
        f"{elapsed:.1f} s, {calls} scans of {microseconds:.0f} µs, grown by {grown / 1e6:.0f} MB; "
        f"GET {statistics.median(before) * 1e6:.0f} µs before, {ratio:.2f} times that meanwhile, worst {worst:.1f} ms"
    )
    assert len(during) > PROBES
    assert calls <= MAX_KEYS / BATCH + 1, "the look ends at its number of keys"
    assert microseconds < SCAN_MICROSECONDS
    assert elapsed < MAX_SECONDS * 3, "the scan's seconds and what is learnt from its keys"
    assert ratio < LATENCY_RATIO
    assert grown < GROWTH_BYTES
