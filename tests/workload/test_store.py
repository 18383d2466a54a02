"""Snapshots: sealed while they last, gone when their time has come, bounded in number; files and lists on SQLite."""

from __future__ import annotations

import base64
import sqlite3
from pathlib import Path

import pytest

from dbmanager.errors import InvalidStatement, NotFound
from dbmanager.model.workload import Workload
from dbmanager.phases.optimization.workload import analyze, from_file, given
from dbmanager.services import workloads as module
from dbmanager.services.container import Services
from tests.workload.conftest import OpenServices

pytestmark = pytest.mark.anyio
SECRET = "Zebedee.Quill@example.org"
STATEMENTS = [f"SELECT id FROM users WHERE mail = '{SECRET}'", "SELECT id FROM users WHERE mail = 'other'", "SELECT 1"]


@pytest.fixture
def services(tmp_path: Path, open_services: OpenServices) -> Services:
    raw = sqlite3.connect(tmp_path / "shop.db")
    raw.executescript("CREATE TABLE users (id INTEGER PRIMARY KEY, mail TEXT);")
    raw.close()
    return open_services(shop={"url": "sqlite:///shop.db"})


async def _given(services: Services, statements: list[str]) -> Workload:
    return await given(await services.connections.adapter("shop"), statements)


def _bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in (folder / "state").rglob("*") if file.is_file())


async def test_values_stand_nowhere_in_the_store_and_come_back_whole(services: Services, tmp_path: Path) -> None:
    workload = await _given(services, STATEMENTS)
    kept = await services.workloads.keep("shop", workload, "sqlite")
    _, again = await services.workloads.get("shop", kept.id)
    assert again.statements == workload.statements
    assert {sample for s in again.statements for sample in s.samples} == set(STATEMENTS)
    held = _bytes_of(tmp_path)
    assert len(held) > 10_000
    for spelling in (SECRET, SECRET.lower(), base64.b64encode(SECRET.encode()).decode()[:-2], SECRET.encode().hex()):
        assert spelling.encode() not in held


async def test_samples_expire_and_are_taken_out_of_the_store_and_counts_stay(services: Services) -> None:
    kept = await services.workloads.keep("shop", await _given(services, STATEMENTS), "sqlite", samples_seconds=-1)
    _, later = await services.workloads.get("shop", kept.id)
    assert sorted((s.text, s.calls, s.samples) for s in later.statements) == [
        ("SELECT ?", 1, ()), ("SELECT id FROM users WHERE mail = ?", 2, ()),
    ]  # fmt: skip
    assert await services.workloads.purge() == 0  # keeping has purged what had expired
    async with services.store.read() as reading:
        sealed = [row[0] for row in await reading.exec_driver_sql("SELECT sealed FROM workload")]
    assert sealed == [None]


async def test_the_oldest_snapshots_give_way(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    workload = await _given(services, STATEMENTS)
    ids = [(await services.workloads.keep("shop", workload, "sqlite")).id for _ in range(5)]
    other = await services.workloads.keep("other", workload, "sqlite")
    listed = [snapshot.id for snapshot in await services.workloads.list("shop")]
    assert len(listed) == 3
    assert set(listed) <= set(ids)
    assert [snapshot.id for snapshot in await services.workloads.list("other")] == [other.id]
    with pytest.raises(NotFound):
        await services.workloads.get("shop", other.id)


async def test_two_lists_are_compared_as_periods_of_their_own(services: Services) -> None:
    first = await analyze(services.workloads, "shop", await _given(services, STATEMENTS), "sqlite", "previous")
    assert first.changed is None
    report = await analyze(services.workloads, "shop", await _given(services, STATEMENTS[:1]), "sqlite", "previous")
    assert report.changed is not None
    assert [(s.text, s.calls) for s in report.shown.statements] == [(STATEMENTS[0], 1)]
    assert [s.text for s in report.changed.gone] == ["SELECT 1"]


async def test_a_file_is_read_whole_and_what_can_not_be_is_listed(services: Services, tmp_path: Path) -> None:
    long = f"SELECT id FROM users WHERE mail = '{'x' * 1_000_000}'"
    text = (
        f"""
    -- a comment; with a semicolon
    SELECT id FROM users WHERE mail = 'a;b';  /* ; */ SELECT id FROM users WHERE mail = 'C''d;';
    SELECT gone FROM nowhere;
    this is not sql;
    {long};
    SELECT "mail" FROM users""".encode()
        + b" WHERE mail = 'caf\xe9'; SELECT count(*) FROM users;"
    )
    (tmp_path / "asked.sql").write_bytes(text)
    data = services.project_file("asked.sql", most_bytes=10_000_000)
    workload = await from_file(await services.connections.adapter("shop"), data, "sqlite:///shop.db")
    assert [s.calls for s in workload.statements] == [2, 1]
    assert workload.statements[1].text == "SELECT count(*) FROM users"
    assert workload.statements[0].samples == (
        "-- a comment; with a semicolon\n    SELECT id FROM users WHERE mail = 'a;b'",
        "/* ; */ SELECT id FROM users WHERE mail = 'C''d;'",
    )
    reasons = " ".join(why for _, why in workload.skipped)
    assert len(workload.skipped) == 4
    for part in ("nowhere", "no SQL that can be parsed", "longer than", "no UTF-8"):
        assert part in reasons


@pytest.mark.parametrize("name", ["../secret.sql", "/etc/passwd", "gone.sql", "", "link.sql"])
async def test_no_file_outside_the_project_folder_is_read(services: Services, tmp_path: Path, name: str) -> None:
    (tmp_path.parent / "secret.sql").write_text("SELECT 1")
    (tmp_path / "link.sql").symlink_to(tmp_path.parent / "secret.sql")
    with pytest.raises(InvalidStatement, match="no file below the project folder"):
        services.project_file(name, most_bytes=100)


async def test_a_file_that_is_too_large_is_refused(services: Services, tmp_path: Path) -> None:
    (tmp_path / "big.sql").write_bytes(b"x" * 101)
    with pytest.raises(InvalidStatement, match="larger than 100 bytes"):
        services.project_file("big.sql", most_bytes=100)
