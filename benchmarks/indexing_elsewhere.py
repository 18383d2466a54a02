"""Index advice for TPC-H on SQLite and MariaDB: does the what-if plan as the planner does once the indexes are there?"""

from __future__ import annotations

import math
import shutil
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pymysql

from benchmarks import tpch, tpch_elsewhere
from benchmarks.outcome import Size
from benchmarks.plan_agreement import agreement, promised_paths
from dbmanager.adapters.facets import Adapter, Unsupported, need
from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.model.configuration import Configuration
from dbmanager.model.schema import Index, Table
from dbmanager.phases.optimization.advise import AdviceReport, Bounds, FirstAnswer, advise
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from dbmanager.services.index_trials import IndexTrials
from tests.engines import mariadb
from tests.engines.instance import login
from tests.engines.mysql_family import MySqlServer, driver_password

SQLITE_BUDGETS_MB = (67, 134)
MARIADB_SCALE, MARIADB_BUDGET_MB = 0.02, 14
SAMPLED_ROWS = 60_000
"""Of 174 thousand: what the what-if of MariaDB copies when it is told to take no more."""
SQLITE_SECONDS, MARIADB_SECONDS = 13.0, 30.0
LEAST_GAIN = 0.0005
STEPS_AT_A_TIME, MOST_STEPS = 10_000, 150_000_000
"""Of SQLite's virtual machine for one query; one that needs more is stopped and counted with these."""
MARIADB_STATEMENT_SECONDS = 5
STOPPED = 1969
_READS = "SHOW SESSION STATUS LIKE 'Handler\\_read%'"
_INDEX_BYTES = (
    "SELECT sum(stat_value) * @@innodb_page_size FROM mysql.innodb_index_stats "
    "WHERE stat_name = 'size' AND database_name = DATABASE() AND index_name LIKE 'ix\\_%'"
)


async def sqlite(folder: Path) -> list[Size]:
    """Advise under two budgets, build, compare plans and sizes; the larger one is run for the steps it saves."""
    plain, made = folder / "tpch.db", folder / "built.db"
    tpch_elsewhere.load_sqlite(folder, plain)
    queries = tpch_elsewhere.queries("sqlite")
    sizes: list[Size] = []
    for budget in SQLITE_BUDGETS_MB:
        label = f"SQLite, {budget} MB"
        shutil.copy(plain, made)
        source = SqliteAdapter("benchmark", plain, read_only=True)
        report, first, seconds = await _advised(source, queries, None, budget, SQLITE_SECONDS)
        pairs = _pairs(report)
        async with source.what_if.planner() as planner:
            assert not isinstance(planner, Unsupported)
            promised = await promised_paths(planner, queries, pairs)
        statements = [source.emit.create_index(*pair).statements[0] for pair in pairs]
        with closing(sqlite3.connect(made, isolation_level=None)) as raw:
            pages = raw.execute("PRAGMA page_count").fetchone()[0]
            for statement in statements:
                raw.execute(statement)
            grown = (raw.execute("PRAGMA page_count").fetchone()[0] - pages) * 4096
            raw.execute("ANALYZE")
        built = SqliteAdapter("benchmark", made, read_only=True)
        found = await agreement(built, queries, promised)
        sizes += _figures(label, report, first, seconds, found.others, grown)
        await source.close()
        await built.close()
    return [*sizes, *_spared(label, "steps", _steps(plain, queries), _steps(made, queries))]


def _steps(file: Path, queries: Mapping[int, str]) -> dict[int, int]:
    """Return the steps of SQLite's virtual machine by query, to the ten thousand."""
    counted = {}
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as raw:
        for number, sql in queries.items():
            taken = [0]

            def step(taken: list[int] = taken) -> bool:
                taken[0] += STEPS_AT_A_TIME
                return taken[0] >= MOST_STEPS

            raw.set_progress_handler(step, STEPS_AT_A_TIME)
            try:
                raw.execute(sql).fetchall()
            except sqlite3.OperationalError:
                if taken[0] < MOST_STEPS:
                    raise
            counted[number] = max(taken[0], STEPS_AT_A_TIME)
    return counted


async def on_mariadb(folder: Path) -> tuple[list[Size], dict[str, str]]:
    """Advise on a copy, build, compare plans; queries are run for the rows they read before and after."""
    rows = folder / "mariadb"  # the generator leaves files alone that are there
    rows.mkdir(mode=0o755)
    tpch.generate(rows, MARIADB_SCALE)
    queries = tpch_elsewhere.queries("mariadb")
    with mariadb.running(innodb_buffer_pool_size="512M") as server:
        server.run_sql("", "CREATE DATABASE tpch CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        tpch_elsewhere.load_mariadb(rows, server, "tpch")
        services = _services(server, folder)
        try:
            return await _on(server, services, queries), {"MariaDB": server.version.split("-")[0]}
        finally:
            await services.close()


async def _on(server: MySqlServer, services: Services, queries: Mapping[int, str]) -> list[Size]:
    label = f"MariaDB, {MARIADB_BUDGET_MB} MB"
    adapter = await services.connections.adapter("tpch")
    trials = IndexTrials(services.scratches, "tpch", adapter)
    report, first, seconds = await _advised(adapter, queries, trials, MARIADB_BUDGET_MB, MARIADB_SECONDS)
    pairs, schema = _pairs(report), await adapter.catalog.read_schema()
    tables = [schema.table(name) for name in tpch.TABLES]
    sampled = IndexTrials(services.scratches, "tpch", adapter, SAMPLED_ROWS)
    async with trials.on(schema, tables) as trial, sampled.on(schema, tables) as less:
        promised = await promised_paths(trial, queries, pairs)
        guessed = await promised_paths(less, queries, pairs)
        copied, part = sum(trial.copy.rows.values()), sum(less.copy.rows.values())
    before = _rows_read(server, queries)
    for pair in pairs:
        server.run_sql("tpch", need(adapter.emit, "tpch").create_index(*pair).statements[0])
    server.run_sql("tpch", "".join(f"ANALYZE TABLE {table};" for table in tpch.TABLES))
    found = await agreement(adapter, queries, promised)
    misled = await agreement(adapter, queries, guessed)
    grown = int(float(server.run_sql("tpch", _INDEX_BYTES) or 0))
    sizes = _figures(label, report, first, seconds, found.others, grown)
    rows = [
        Size(f"{label}: rows of the copy", copied, "rows"),
        Size(f"{label}: rows of a sample", part, "rows"),
        Size(f"{label}: queries of 22 planned otherwise than on the sample", len(misled.others), "queries"),
    ]
    return [*rows, *sizes, *_spared(label, "rows read", before, _rows_read(server, queries))]


def _rows_read(server: MySqlServer, queries: Mapping[int, str]) -> dict[int, int]:
    """Return the rows that each query asked the storage engine for; one that is stopped is counted as far as it came."""
    counted = {}
    with closing(
        pymysql.connect(
            host=server.host, port=server.port, user=login("mariadb")[0], password=driver_password("mariadb"),
            database="tpch", autocommit=True,
        )
    ) as raw, raw.cursor() as cursor:  # fmt: skip
        cursor.execute(f"SET SESSION max_statement_time = {MARIADB_STATEMENT_SECONDS}")
        for number, sql in queries.items():
            cursor.execute("FLUSH STATUS")
            try:
                cursor.execute(sql)
                cursor.fetchall()
            except pymysql.err.OperationalError as problem:
                if problem.args[0] != STOPPED:
                    raise
            cursor.execute(_READS)
            counted[number] = max(1, sum(int(value) for _, value in cursor.fetchall()))
    return counted


def _services(server: MySqlServer, folder: Path) -> Services:
    user, password = login("mariadb")
    url = f"mysql://{user}:{quote(password, safe='')}@{server.host}:{server.port}/tpch"
    settings = {
        "connections": {"tpch": {"url": url, "access": "read_only"}},
        "store": {"data_dir": str(folder / "state")},
    }
    return Services(LoadedConfiguration(Configuration.model_validate(settings), (), folder))


async def _advised(
    adapter: Adapter, queries: Mapping[int, str], trials: IndexTrials | None, budget_mb: int, seconds: float
) -> tuple[AdviceReport, float, float]:
    """Return the report, the seconds until the first answer, and those of the whole call."""
    answers: list[float] = []
    started = time.perf_counter()

    async def told(_: FirstAnswer) -> None:
        answers.append(time.perf_counter() - started)

    bounds = Bounds(budget_mb * 1_000_000, seconds, LEAST_GAIN)
    report = await advise(adapter, list(queries.values()), trials, bounds=bounds, told=told, measured=False)
    whole = time.perf_counter() - started
    return report, answers[0] if answers else whole, whole


def _pairs(report: AdviceReport) -> list[tuple[Table, Index]]:
    return [(one.table, one.index) for one in report.create]


def _figures(
    label: str, report: AdviceReport, first: float, seconds: float, others: Sequence[int], grown: int
) -> list[Size]:
    promised = report.size_bytes / 1e6
    exact = label.startswith("SQLite")
    return [
        Size(f"{label}: queries of 22 planned otherwise than promised", len(others), "queries", 2),
        Size(f"{label}: queries of 22 that could not be analysed", 22 - len(report.effects), "queries", 0),
        Size(f"{label}: first answer", first, "s"),
        Size(f"{label}: whole call", seconds, "s"),
        Size(f"{label}: indexes", len(report.create), "indexes"),
        Size(f"{label}: size promised", promised, "MB"),
        Size(f"{label}: size as built", grown / 1e6, "MB"),
        Size(f"{label}: size as built beside promise", abs(grown / 1e6 / max(promised, 1e-9) - 1) * 100, "%", 5 if exact else None),
    ]  # fmt: skip


def _spared(label: str, what: str, before: Mapping[int, int], after: Mapping[int, int]) -> list[Size]:
    ratios = [after[number] / before[number] for number in before]
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    return [
        Size(f"{label}: {what} of the 22 queries, of those before", sum(after.values()) / sum(before.values()) * 100, "%"),
        Size(f"{label}: {what}, geometric mean of the queries", mean * 100, "%"),
        Size(f"{label}: {what}, worst query beside before", max(ratios) * 100, "%"),
    ]  # fmt: skip
