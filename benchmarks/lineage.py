"""Column lineage beside peers, on queries whose sources were found by hand."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio.to_thread
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage

from benchmarks.outcome import Outcome, Size
from benchmarks.peers import SQLLINEAGE, ask
from benchmarks.place import Place
from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.analyzers.lineage.statements import lineage_of
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from dbmanager.model.schema import DatabaseSchema
from tests.engines.postgresql import PASSWORD, SUPERUSER

CASES = Path(__file__).parents[1] / "tests" / "lineage" / "outsider.toml"
SETTING = """\
Queries of `tests/lineage/outsider.toml` in PostgreSQL's SQL, whose sources somebody found by hand who had not seen the \
tracer; statements that write are left out, since peers are asked about queries. An output is right when exactly its \
sources are named. Every tool is given the schema; ours and sqlglot's get the views' definitions as well. Times are one \
pass over all queries, divided by their number, without asking the engine."""
Found = dict[str, set[str]]


def _score(cases: list[Any], answers: list[Found | None]) -> tuple[int, int]:
    right = total = 0
    for case, answer in zip(cases, answers, strict=True):
        for name, sources in case["outputs"].items():
            total += 1
            right += answer is not None and answer.get(name, set()) == set(sources.split())
    return right, total


def _timed(cases: list[Any], ask_one: Callable[[str], Found | None]) -> tuple[list[Found | None], float]:
    for case in cases[:3]:
        ask_one(case["sql"])
    started = time.perf_counter()
    answers = [ask_one(case["sql"]) for case in cases]
    return answers, 1_000 * (time.perf_counter() - started) / len(cases)


def _ours(schema: DatabaseSchema) -> Callable[[str], Found | None]:
    def one(sql: str) -> Found | None:
        found = lineage_of(sql, "postgres", schema)
        if found is None:
            return None
        return {t.name: {f"{c.table}.{c.column}" for c in t.sources | t.counted} for t in found.outputs}

    return one


def _sqlglots(schema: DatabaseSchema) -> Callable[[str], Found | None]:
    tables = {table.name: {c.name: c.type.native for c in table.columns} for table in schema.base_tables()}
    views = {table.name: table.definition or "" for table in schema.tables if not table.is_base}

    def one(sql: str) -> Found | None:
        try:
            nodes = lineage(None, sql, schema=tables, sources=views, dialect="postgres")
        except (SqlglotError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
            return None
        found: Found = {}
        for name, root in nodes.items():
            leaves = (node for node in root.walk() if isinstance(node.expression, exp.Table))
            found[name] = {f"{leaf.expression.name}.{leaf.name.rpartition('.')[2].strip(chr(34))}" for leaf in leaves}
        return found

    return one


async def measure(place: Place) -> Outcome:
    """Trace every query by each tool."""
    data = tomllib.loads(CASES.read_text("utf-8"))
    place.server.run_sql(place.database, data["schema"])
    url = ResolvedUrl(
        engine="postgresql", host=place.server.host, port=place.server.port, user=SUPERUSER, database=place.database,
        password=PASSWORD,
    )  # fmt: skip
    adapter = PostgresAdapter("bench", url, ConnectionSettings(url=place.server.url(place.database)))
    schema = await adapter.catalog.read_schema()
    await adapter.close()
    cases = [c for c in data["case"] if "target" not in c and "postgresql" in c.get("engines", ["postgresql"])]
    sizes: list[Size] = []
    for name, one in (("ours", _ours(schema)), ("sqlglot.lineage", _sqlglots(schema))):
        answers, milliseconds = _timed(cases, one)
        right, total = _score(cases, answers)
        sizes.append(Size(f"{name}, outputs right of {total}", right, "outputs"))
        sizes.append(Size(f"{name}, time", milliseconds, "ms a query", limit=20 if name == "ours" else None))
    tables = {table.name: [column.name for column in table.columns] for table in schema.tables}
    request = {"dialect": "postgres", "tables": tables, "queries": [case["sql"] for case in cases]}
    told = await anyio.to_thread.run_sync(ask, SQLLINEAGE, request)
    answers = [None if a is None else {name: set(found) for name, found in a.items()} for a in told["answers"]]
    right, total = _score(cases, answers)
    sizes.append(Size(f"{SQLLINEAGE.name}, outputs right of {total}", right, "outputs"))
    sizes.append(Size(f"{SQLLINEAGE.name}, time", 1_000 * told["seconds"] / len(cases), "ms a query"))
    return Outcome("lineage", "Column lineage", SETTING, sizes=tuple(sizes))
