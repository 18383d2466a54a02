"""A password and a masked value never occur in any byte that is sent, logged or written."""

from __future__ import annotations

import base64
import logging
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from dbmanager_tools.house import error_text, facts_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client, StdioServerParameters
from mcp.types import TextContent

from dbmanager.errors import DbManagerError
from dbmanager.model.configuration import Configuration
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.server.processes import stop_workers

pytestmark = pytest.mark.anyio
MAIL = "zebedee.quill"
CARD = "4929123412341233"
TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, full_name TEXT NOT NULL, email TEXT NOT NULL, card_number TEXT NOT NULL, city TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), total DECIMAL(10,2), remark TEXT);
"""
ROWS = (
    "INSERT INTO customers SELECT n, 'Zebedee Quill', '{mail}' || n || '@example.org', '{card}', 'Leeds' FROM ({numbers}) AS s;"
    "INSERT INTO orders SELECT n, n % 4000 + 1, n * 1.5, 'send to {mail}' || n || '@example.org' FROM ({numbers}) AS s;"
)


def _spellings(secret: str) -> set[bytes]:
    """The secret as it is, and in the encodings that texts and stores use."""
    plain = secret.encode()
    return {plain, quote(secret).encode(), quote(secret, safe="").encode(), plain.hex().encode(), plain[::-1],
            base64.b64encode(plain).rstrip(b"="), secret.encode("utf-16-le"), secret.upper().encode(),
            secret.encode("unicode_escape")}  # fmt: skip


def _where(folder: Path, secrets: set[bytes]) -> list[str]:
    """Files, except databases and backups that are meant to hold rows, in which a secret stands."""
    meant = {folder / "shop.db", folder / "shop.db-wal", folder / "dbmanager.toml"}
    return [
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and file not in meant and "backups" not in file.parts
        and any(secret in file.read_bytes() for secret in secrets)
    ]  # fmt: skip


def _leaves(facts: Any, name: str = "") -> Iterator[str | int]:
    """Every exact fact that a program is given; sizes and times, which a text rounds, are not."""
    if isinstance(facts, dict):
        for key, value in facts.items():
            yield from _leaves(value, key)
    elif isinstance(facts, list):
        for value in facts:
            yield from _leaves(value)
    elif isinstance(facts, str) or (
        isinstance(facts, int) and not isinstance(facts, bool) and not name.endswith("_bytes")
    ):
        yield facts


def _told(fact: str | int, text: str) -> bool:
    """Whether the text, which is all that a model sees, says it too."""
    return str(fact) in text or (isinstance(fact, int) and f"{fact:,}" in text)


async def test_no_byte_on_the_wire_in_logs_or_files_holds_a_secret(
    tmp_path: Path, sqlite_file: Any, pg_server: PostgresServer, pg_database: str
) -> None:
    numbers = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 8000) SELECT n FROM s"
    sqlite_file(TABLES + ROWS.format(mail=MAIL, card=CARD, numbers=numbers), "shop.db")
    pg_server.run_sql(pg_database, TABLES + ROWS.format(
        mail=MAIL, card=CARD, numbers="SELECT n FROM generate_series(1, 8000) AS g(n)") + "CREATE EXTENSION hypopg; CREATE EXTENSION pg_stat_statements; ANALYZE;")  # fmt: skip
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\n'
        f'[connections.pg]\nurl = "{pg_server.url(pg_database)}"\naccess = "read_write"\npassword = {{ env = "PW" }}\n'
        f'[connections.wrong]\nurl = "postgresql://app:{quote(PASSWORD, safe="")}x@127.0.0.1:{pg_server.port}/none"\n'
    )
    serve = f"exec {shlex.quote(sys.executable)} -X dev -m dbmanager_server.cli serve 2> errors.log"
    parameters = StdioServerParameters(
        command="sh", args=["-c", f"({serve}) | tee wire.log"], cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PW": PASSWORD, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    called: set[str] = set()
    async with Client(parameters) as client:

        async def call(tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
            called.add(tool)
            result = await client.call_tool(tool, arguments)
            facts = facts_of(result)
            text = "".join(block.text for block in result.content if isinstance(block, TextContent))
            assert result.structured_content is None
            untold = [fact for fact in _leaves(facts) if not _told(fact, text)]
            assert untold == [], (tool, facts, text)
            return text, facts

        await call("list_connections", check=True)
        for wrong in ("run_query", "describe_schema"):
            await call(wrong, connection="wrong", **({"sql": "SELECT 1"} if wrong == "run_query" else {}))
        for name in ("shop", "pg"):
            _, begun = await call("update_project", goal="keep secrets", connections=[name])
            with_project = {"connection": name, "project": begun["project"]}
            await call("project_status", project=with_project["project"])
            await call("assess_database", **with_project)
            await call("describe_schema", connection=name, detail="full")
            for pack in ("schema", "security", "health"):
                await call("check_database", pack=pack, **with_project)
            await call("plan_tuning", propose=True, **with_project)
            await call("classify_data", **with_project)
            texts = ["CREATE TABLE customers (id INTEGER PRIMARY KEY, email INTEGER NOT NULL, card_number INTEGER)"]
            told, _ = await call("plan_schema", design=texts, **with_project)
            assert "Nothing is proposed" in told, told
            for sql in ("SELECT * FROM customers", "SELECT upper(email), card_number FROM customers",
                        "SELECT remark FROM orders", "SELECT cast(email AS integer) FROM customers",
                        "SELECT max(email) FROM customers UNION SELECT full_name FROM customers", "SELECT nonsense"):  # fmt: skip
                await call("run_query", connection=name, sql=sql, max_rows=20)
                await call("explain_query", connection=name, sql=sql, analyze=True)
                await call("trace_lineage", connection=name, sql=sql)
            queries = ["SELECT sum(total) FROM orders WHERE customer_id = 7"]
            asked = [f"SELECT id FROM customers WHERE email = '{MAIL}1@example.org'", f"SELECT 1 FROM customers WHERE '{CARD}",
                     f"SELECT id FROM customers WHERE card_number = '{CARD}' -- {MAIL}"]  # fmt: skip
            for _ in range(2):
                told, _ = await call("analyze_workload", statements=asked, **with_project)
                assert "2 statements" in told, told
            if name == "pg":
                pg_server.run_sql(pg_database, ";".join(asked[::2]))
                told, _ = await call("analyze_workload", **with_project)
                assert "card_number = $1" in told, told
            told, advice = await call("advise_indexes", queries=queries, propose=True, **with_project)
            assert "change" in advice, told
            await call("measure_queries", queries=queries, **with_project)
            for rewritten in ("SELECT upper(full_name) FROM customers", None):
                mails = "SELECT upper(email) FROM customers WHERE email = 'nobody@example.org' OR card_number = '1'"
                told, judged = await call("verify_rewrite", original=mails, rewritten=rewritten, **with_project)
                assert "decisions" in judged, told
            steps = [
                {"sql": "UPDATE orders SET remark = NULL WHERE id < 50"},
                {"sql": "DELETE FROM orders WHERE id = 60"},
            ]
            for facts in (advice, None):
                if facts is None:
                    answer, facts = await call(
                        "propose_change", connection=name, title="clean", reason="addresses", steps=steps
                    )
                    assert "change" in facts, answer
                reviewed, _ = await call("review_change", change=facts["change"])
                token = reviewed.partition("confirm_token='")[2].partition("'")[0]
                answer, applied = await call("apply_change", change=facts["change"], confirm_token=token)
                assert "state" in applied, answer
                assert applied["state"] in ("applied", "verified")
                await call("roll_back_change", change=facts["change"])
            await call("run_backup", **with_project)
            _, begun = await call("run_drill", background=True, **with_project)
            told, ended = await call("get_job", job=begun["job"], wait_seconds=50)
            assert ended["result"]["passed"], told
            await call("cancel_job", job=begun["job"])
            told, _ = await call("run_query", connection=name, sql="SELECT * FROM customers ORDER BY id", max_rows=900)
            await call("read_result", result=told.partition("result='")[2].partition("'")[0], start=100)
            await call("export_deliverables", project=with_project["project"], folder=f"out-{name}")
        await call("plan_migration", source="shop", target="pg", target_schema="copied")
        await call("verify_data", source="shop", target="pg")
        await call("verify_audit_log")
        assert called == {tool.name for tool in (await client.list_tools()).tools}
    stop_workers(tmp_path)
    assert (tmp_path / "state/worker.log").stat().st_size
    assert (tmp_path / "wire.log").stat().st_size > 20_000
    assert (tmp_path / "out-pg").is_dir()
    for secret in (MAIL, CARD, PASSWORD):
        assert _where(tmp_path, _spellings(secret)) == []


PASSWORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=8, max_size=24
).filter(lambda text: len(set(text)) > 4 and text.strip() == text)  # fmt: skip


def _drawn(count: int) -> list[str]:
    found: list[str] = []

    @settings(max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(PASSWORDS)
    def draw(password: str) -> None:
        found.append(password)

    draw()
    return found


async def test_any_password_stays_out_of_errors_logs_representations_and_the_store(
    tmp_path: Path, pg_server: PostgresServer, pg_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for number, password in enumerate([*_drawn(12), "pa$$'\"\\w%rd@/:?#", "пароль-секрет", "a b\\c'd\"e"]):
        role, folder = f"probe{number}", tmp_path / str(number)
        folder.mkdir()
        literal = "E'" + password.replace("\\", "\\\\").replace("'", "\\'") + "'"
        pg_server.run_sql(pg_database, f"CREATE ROLE {role} LOGIN PASSWORD {literal}")
        address = f"{role}:{quote(password, safe='')}@127.0.0.1"
        configuration = Configuration.model_validate({
            "connections": {
                "right": {"url": f"postgresql://{address}:{pg_server.port}/{pg_database}", "access": "read_write"},
                "gone": {"url": f"postgresql://{address}:1/{pg_database}"},
                "wrong": {"url": f"postgresql://{quote(role)}:{quote(password, safe='')}x@127.0.0.1:{pg_server.port}/postgres"},
            },
            "store": {"data_dir": "state"},
        })  # fmt: skip
        services = Services(LoadedConfiguration(configuration, (), folder))
        shown = [repr(services.loaded), repr(configuration), str(configuration)]
        try:
            for name in services.connections.names():
                for sql in ("SELECT 1", f"SELECT $1::integer, {literal}::integer", "SELECT broken"):
                    try:
                        page = await services.reader.query(name, sql)
                        shown.append(repr(page))
                    except DbManagerError as failed:
                        shown += [error_text(failed, services), repr(failed.__cause__)]
                adapter = await services.connections.adapter(name)
                shown += [repr(adapter), repr(vars(adapter)), repr(adapter._sessions.url)]  # type: ignore[attr-defined]
            await services.audit.verify()
        finally:
            await services.close()
            pg_server.run_sql(pg_database, f"DROP ROLE {role}")
        texts = "\n".join([*shown, caplog.text]).replace(literal, "")
        caplog.clear()
        assert not [s for s in (password, quote(password, safe="")) if s in texts], password
        assert _where(folder, _spellings(password)) == []
