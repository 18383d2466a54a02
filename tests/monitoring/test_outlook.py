"""Where a database is going, as a client is told: dates with intervals, the past error, pictures, and alerts."""

from __future__ import annotations

import datetime as dt
import random
import re
import sqlite3
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmanager.analyzers.charts.png import png, why_not
from dbmanager.analyzers.charts.svg import INK, LINE, STOP, Chart, drawn
from dbmanager.analyzers.forecasting.forecast import Forecast, TooLittle
from dbmanager.model.metrics import MetricMoment, gathered
from dbmanager.phases.optimization.collecting import kept
from dbmanager.phases.optimization.outlook import by_name, outlook, peaks
from dbmanager.services.configuration import load
from dbmanager.services.container import Services
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
SVG = "{http://www.w3.org/2000/svg}"
MB = 1_000_000
DAYS = 40
Figure = tuple[str, object] | tuple[str, object, object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    raw = sqlite3.connect(tmp_path / "shop.db")
    raw.executescript("CREATE TABLE t (a TEXT); INSERT INTO t VALUES (hex(zeroblob(20000000)))")
    raw.close()
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\n'
        "[monitoring.disk_bytes]\nshop = 45000000\n"
    )
    return tmp_path


@pytest.fixture
async def services(folder: Path) -> AsyncIterator[Services]:
    made = Services(load(path=folder / "dbmanager.toml", urls=()))
    yield made
    await made.close()


async def _history(services: Services, figures: Callable[[float], list[Figure]], *, hours: int = 24 * DAYS) -> None:
    now = dt.datetime.now(dt.UTC)
    moments = [MetricMoment(now - dt.timedelta(hours=hours - n), gathered(figures(n / 24))) for n in range(hours)]
    await services.metrics.keep("shop", moments)


def _growing(day: float) -> list[Figure]:
    wave = random.Random(round(day * 24)).gauss(0, 0.1 * MB)
    return [("database_bytes", 20 * MB + day * MB / 2 + wave), ("disk_limit_bytes", 45 * MB)]


@pytest.mark.promise("Q6", "A4")
async def test_a_full_disk_is_foretold_with_its_past_error_and_exported_as_pictures(
    folder: Path, services: Services
) -> None:
    await _history(services, _growing)
    async with client_in(folder) as client:
        _, begun, _ = await call(client, "update_project", goal="watch", connections=["shop"])
        text, facts, failed = await call(
            client, "plan_tuning", connection="shop", kind="monitoring", project=begun["project"]
        )
        assert not failed, text
        assert facts["firing"] == ["disk_filling"], text  # 40 of 45 MB
        assert "**critical disk_filling**" in text
        row = next(line for line in text.splitlines() if line.startswith("|database_bytes"))
        expected = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=10)
        assert any((expected + dt.timedelta(days=off)).isoformat() in row for off in (-1, 0, 1)), row
        assert "45.0 MB: 20" in row
        assert "% of 19" in row
        exported, tree, failed = await call(client, "export_deliverables", project=begun["project"], folder="out")
        assert not failed, exported
    place = folder / "out" / "optimization" / "monitoring"
    picture = ET.fromstring((place / "shop-database_bytes.svg").read_text())
    assert {one.get("class") for one in picture.iter() if one.get("class")} == {
        "measured",
        "forecast",
        "interval",
        "limit",
    }
    assert "shop-database_bytes.svg" in (place / "shop.md").read_text()
    assert (place / "shop-database_bytes.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert tree


async def test_connections_are_judged_by_their_peaks_and_statements_by_their_mean(services: Services) -> None:
    def figures(day: float) -> list[Figure]:
        n = day * 24
        counted: list[Figure] = [("statement_calls", 100 * n, "f"), ("statement_ms", 500 * n + n * n, "f")]
        return [("connections_used", 20 + day), ("connections_max", 100), *counted]

    now = dt.datetime.now(dt.UTC)
    await _history(services, figures)
    found = by_name(await outlook(services.metrics, "shop"))
    used = found["connections_used"].told
    assert isinstance(used, Forecast)
    assert used.reached is not None
    assert used.reached.expected == pytest.approx(now.timestamp() + 40 * 86_400, abs=2 * 86_400)
    drift = found["statement_mean_ms f"].told
    assert isinstance(drift, Forecast)
    assert drift.per_day.low > 0.1
    assert drift.per_day.value == pytest.approx(0.02 * 24, rel=0.02)


async def _after(services: Services, minute: int, figures: list[Figure]) -> tuple[MetricMoment, list[str]]:
    """Keep a moment of so many minutes from now as collecting does, and return it with what fires."""
    at = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0) + dt.timedelta(minutes=minute)
    settings = services.loaded.configuration.monitoring
    moment, states = await kept(
        services.metrics, services.alerts, settings, "shop", MetricMoment(at, gathered(figures))
    )
    return moment, [f"{state.rule} {state.object}" for state in states if state.is_firing]


async def test_a_limit_that_comes_near_fires_and_ends_once_it_is_far_again(services: Services) -> None:
    def filling(day: float) -> list[Figure]:
        return [("database_bytes", 20 * MB + day * MB / 2), ("disk_limit_bytes", 43 * MB)]

    await _history(services, filling)
    soon = [await _after(services, 60 * n, filling(40 + n / 24)) for n in range(1, 7)]
    days = soon[0][0].value("days_to_limit", "database_bytes")
    assert days is not None
    assert days == pytest.approx(6, abs=0.5)
    earliest = soon[0][0].value("days_to_limit_earliest", "database_bytes")
    assert earliest is not None
    assert earliest <= days
    assert ["runs_out_soon database_bytes" in fires for _, fires in soon] == [False] * 2 + [True] * 4
    assert ["may_run_out database_bytes" in fires for _, fires in soon] == [False] * 5 + [True]
    larger: list[Figure] = [("database_bytes", 40 * MB), ("disk_limit_bytes", 400 * MB)]
    after = [await _after(services, 60 * n, larger) for n in range(7, 11)]
    assert "runs_out_soon database_bytes" not in after[-1][1]


async def test_between_hours_forecasts_are_carried_on(
    services: Services,
) -> None:
    await _history(services, _growing)
    first, _ = await _after(services, 61, _growing(40))
    again, _ = await _after(services, 66, [("database_bytes", 41 * MB), ("disk_limit_bytes", 45 * MB)])
    assert first.value("days_to_limit", "database_bytes") == again.value("days_to_limit", "database_bytes") is not None


async def test_a_history_too_young_for_a_forecast_says_so_and_fires_nothing(services: Services) -> None:
    await _history(services, _growing, hours=10)
    moment, fires = await _after(services, 60, _growing(1))
    assert ("days_to_limit", "there is too little history") in moment.not_told
    assert fires == []


async def test_a_statement_that_takes_thrice_its_usual_time_fires_and_one_that_swings_does_not(
    services: Services,
) -> None:
    calls, slow, swinging = 0, 0.0, 0.0
    fired = []
    for n in range(30):
        calls += 50
        slow += 50 * (2.0 if n < 20 else 9.0)
        swinging += 50 * (2.0 if n % 2 else 5.0)
        counted: list[Figure] = [("statement_calls", calls, "s"), ("statement_ms", slow, "s"),
                                 ("statement_calls", calls, "w"), ("statement_ms", swinging, "w")]  # fmt: skip
        moment, fires = await _after(services, 5 * n, counted)
        fired.append("statement_slower s" in fires)
        assert "statement_slower w" not in fires
    assert fired == [False] * 22 + [True] * 8
    assert moment.value("statement_drift_ratio", "s") == pytest.approx(4.5)


async def test_a_young_history_tells_nothing(services: Services) -> None:
    await _history(services, _growing, hours=48)
    (one,) = await outlook(services.metrics, "shop")
    assert isinstance(one.told, TooLittle)
    assert "over 2.0 days" in one.told.reason


@dataclass(frozen=True)
class Picture:
    """A PNG's width, height and the colours of its points."""

    width: int
    height: int
    colours: Counter[tuple[int, int, int]]


def _opened(data: bytes) -> Picture:
    """Read an 8-bit PNG with or without alpha and no interlace, by its specification (RFC 2083)."""
    at, packed, head = 8, b"", (0, 0, 0, 0)
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0]
        if kind == b"IHDR":
            head = struct.unpack(">IIBB", body[:10])
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    width, height, depth, kind_of = head
    size = {2: 3, 6: 4}[kind_of]
    assert depth == 8
    raw, above = zlib.decompress(packed), bytearray(width * size)
    colours: Counter[tuple[int, int, int]] = Counter()
    for row in range(height):
        start = row * (width * size + 1)
        line = bytearray(raw[start + 1 : start + 1 + width * size])
        for n in range(len(line)):
            left, up, corner = (line[n - size] if n >= size else 0), above[n], (above[n - size] if n >= size else 0)
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda one, guess=guess: abs(guess - one))  # type: ignore[misc]
            line[n] = (line[n] + (0, left, up, (left + up) // 2, paeth)[raw[start]]) & 255
        above = line
        colours.update((line[n], line[n + 1], line[n + 2]) for n in range(0, len(line), size))
    return Picture(width, height, colours)


def test_a_chart_is_drawn_as_png_with_its_lines_and_letters() -> None:
    assert why_not() is None
    svg = drawn(Chart("a title", [(float(n), n % 7) for n in range(100)], limit=9.0))
    made = _opened(png(svg))
    assert (made.width, made.height) == (1_440, 600)
    for colour in (LINE, STOP):
        assert made.colours[(int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))] > 500
    bare = _opened(png(re.sub(r"<text.*?</text>", "", svg)))
    ink = (int(INK[1:3], 16), int(INK[3:5], 16), int(INK[5:7], 16))
    assert made.colours[ink] > bare.colours[ink] + 100


def test_without_its_library_there_is_no_png_and_it_is_said_why() -> None:
    script = "import sys; sys.modules['resvg_py'] = None; from dbmanager.analyzers.charts.png import why_not; print(why_not())"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "dbmanager-mcp[charts]" in told.stdout


def test_of_each_hour_the_peak_counts() -> None:
    assert peaks([(0, 1), (60, 9), (120, 3), (3_600, 2)]) == [(60, 9), (3_600, 2)]


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), max_size=40),
    st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=400),
    st.none() | st.floats(-1e15, 1e15),
)
def test_any_history_is_drawn_as_well_formed_svg_within_its_frame(
    title: str, values: list[float], limit: float | None
) -> None:
    root = ET.fromstring(drawn(Chart(title, [(float(n), v) for n, v in enumerate(values)], limit=limit)))
    assert (root.find(f"{SVG}title").text or "") == title  # type: ignore[union-attr]
    line = next(one for one in root.iter(f"{SVG}polyline") if one.get("class") == "measured")
    places = [tuple(map(float, point.split(","))) for point in (line.get("points") or "").split()]
    assert len(places) == min(240, len(values))
    assert all(0 <= x <= 720 and 0 <= y <= 300 for x, y in places)
