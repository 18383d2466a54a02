"""What people decide about classified data: disclosures, labels, and tokens that come back."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dbmanager.analyzers.describe.workflow import change_text
from dbmanager.errors import ApprovalRequired, InvalidChoice, InvalidStatement, Irreversible, ResourceExhausted
from dbmanager.model.changes import ChangePlan, ChangeSet, ChangeState, ChangeStep, StepRecord, StepState
from dbmanager.model.configuration import Configuration, ConnectionSettings
from dbmanager.model.queries import PlanNode, QueryPlan
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from dbmanager.services.policy.plans import without_values
from dbmanager.services.policy.steps import disclosure_step, label_step
from dbmanager.services.reading import MAX_GUESSES
from dbmanager.services.tables import AUDIT
from tests.policy.leaks import EMAIL, SCHEMA

pytestmark = pytest.mark.anyio


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    raw = sqlite3.connect(tmp_path / "data.db")
    raw.executescript(";".join(SCHEMA) + ";")
    raw.executescript(
        "CREATE TABLE login (mail text PRIMARY KEY, password text);"
        "INSERT INTO login SELECT email, 'Tr0ub4dor&' || id FROM customer;"
        "CREATE TABLE visit (id integer PRIMARY KEY, who varchar(9) REFERENCES login (mail), page text);"
        "INSERT INTO visit SELECT id, email, '/home' FROM customer;"
    )
    raw.close()
    connection = {"url": "sqlite:///data.db", "environment": "development"}
    configuration = Configuration.model_validate({"connections": {"db": connection}, "store": {"data_dir": "state"}})
    made = Services(LoadedConfiguration(configuration, (), tmp_path))
    yield made
    await made.close()


async def _shown(services: Services, sql: str, *parameters: str) -> list[Any]:
    page = await services.reader.query("db", sql, parameters)
    return [row[0] for row in page.masked.result.rows]


async def _step(services: Services, *columns: str, rows: int = 3, minutes: int = 30) -> ChangeStep:
    adapter = await services.connections.adapter("db")
    schema = await adapter.catalog.read_schema()
    labels = await services.labels.of_database("db", adapter, schema)
    kinds = {(label.schema or "", label.table, label.column): label.type for label in labels}
    return disclosure_step(schema, kinds, columns, rows=rows, minutes=minutes, reason="to call Ada back")


async def _propose(services: Services, step: ChangeStep) -> str:
    adapter = await services.connections.adapter("db")
    plan = ChangePlan(
        connection="db",
        title=step.title,
        reason="test",
        steps=(step,),
        precondition=await adapter.catalog.fingerprint(),
    )
    return (await services.changes.propose(plan)).id


async def _carry_out(services: Services, step: ChangeStep) -> str:
    id_ = await _propose(services, step)
    change = await services.changes.get(id_)
    await services.approvals.approve(change, approver="tester", method="terminal", mode="person")
    await services.changes.apply(id_)
    await services.changes.verify(id_)
    return id_


async def test_columns_are_shown_only_once_approved_for_so_many_rows_and_every_showing_is_audited(
    services: Services,
) -> None:
    id_ = await _propose(services, await _step(services, "customer.email"))
    with pytest.raises(ApprovalRequired):
        await services.changes.apply(id_)
    assert EMAIL not in await _shown(services, "SELECT email FROM customer ORDER BY id")
    await _carry_out(services, await _step(services, "customer.email"))
    values = await _shown(services, "SELECT email FROM customer ORDER BY id")
    assert values[0] == EMAIL
    assert [str(value).startswith("[email:") for value in values] == [False] * 3 + [True] * 17
    assert EMAIL not in await _shown(services, "SELECT email FROM customer ORDER BY id")
    query = select(AUDIT.c.detail).where(AUDIT.c.action == "disclose")
    async with services.store.read() as reading:
        (detail,) = [json.loads(row.detail) for row in await reading.execute(query)]
    assert (detail["columns"], detail["rows"]) == (["customer.email"], 3)


async def test_a_disclosure_covers_its_columns_and_nothing_beside_them(services: Services) -> None:
    await _carry_out(services, await _step(services, "customer.email", rows=100))
    page = await services.reader.query("db", "SELECT email, full_name, email || card_number AS both FROM customer")
    assert set(page.masked.masked) == {"full_name", "both"}


async def test_a_disclosure_ends_by_time_and_by_being_rolled_back(services: Services) -> None:
    id_ = await _carry_out(services, await _step(services, "customer.email", rows=100))
    assert EMAIL in await _shown(services, "SELECT email FROM customer")
    await services.changes.roll_back(id_)
    assert EMAIL not in await _shown(services, "SELECT email FROM customer")
    await services.decisions.disclose("d", "db", [("", "customer", "email")], "test", rows=100, seconds=0.5)
    deadline = time.monotonic() + 5
    assert EMAIL in await _shown(services, "SELECT email FROM customer")
    while EMAIL in await _shown(services, "SELECT email FROM customer"):
        assert time.monotonic() < deadline


async def test_secrets_are_never_shown(services: Services) -> None:
    with pytest.raises(InvalidStatement, match="never shown"):
        await _step(services, "login.password")
    await services.decisions.disclose("d", "db", [("", "login", "password")], "test", rows=100, seconds=60)
    assert all(str(value).startswith("[secret:") for value in await _shown(services, "SELECT password FROM login"))


async def test_a_column_that_is_not_there_is_named_with_the_nearest(services: Services) -> None:
    with pytest.raises(InvalidChoice) as refused:
        await _step(services, "customer.emial")
    assert "customer.email" in refused.value.sentence()


async def test_a_label_that_was_decided_stands_over_what_is_found_until_it_is_undone(services: Services) -> None:
    adapter = await services.connections.adapter("db")
    schema = await adapter.catalog.read_schema()
    first = await _carry_out(services, label_step(schema, "customer.email", "harmless"))
    assert EMAIL in await _shown(services, "SELECT email FROM customer")
    await _carry_out(services, label_step(schema, "customer.country", "nationality"))
    assert str((await _shown(services, "SELECT country FROM customer"))[0]).startswith("[nationality:")
    labels = await services.labels.labels("db", adapter, schema, schema.table("customer"), anew=True)
    assert {label.column for label in labels if label.confirmed} == {"country"}
    await services.changes.roll_back(first)
    assert EMAIL not in await _shown(services, "SELECT email FROM customer")
    with pytest.raises(InvalidChoice):
        label_step(schema, "customer.email", "e-mail")


async def test_a_foreign_key_carries_the_label_to_the_column_that_refers(services: Services) -> None:
    adapter = await services.connections.adapter("db")
    schema = await adapter.catalog.read_schema()
    (label,) = await services.labels.labels("db", adapter, schema, schema.table("visit"))
    assert (label.column, label.type) == ("who", "email")


async def test_a_token_passed_back_finds_the_rows_it_stands_for(services: Services) -> None:
    (token,) = await _shown(services, "SELECT email FROM customer WHERE id = 1")
    assert await _shown(services, "SELECT id FROM customer WHERE email = ?", str(token)) == [1]


async def test_a_token_never_turns_into_its_value_on_the_way_out(services: Services) -> None:
    (token,) = await _shown(services, "SELECT email FROM customer WHERE id = 1")
    for sql in (
        "SELECT ? AS x",
        "SELECT upper(?) AS x",
        "SELECT coalesce(NULL, ?) AS x FROM orders LIMIT 1",
        "SELECT e FROM (SELECT ? AS e)",
        "WITH t(e) AS (VALUES (?)) SELECT e FROM t",
        "SELECT country FROM customer WHERE id < 0 UNION SELECT ?",
        "SELECT CASE WHEN 1 THEN ? END AS x",
        "SELECT value FROM json_each(json_array(?))",
    ):
        (value,) = await _shown(services, sql, str(token))
        assert "ada" not in str(value).casefold(), sql
    with pytest.raises(InvalidStatement):
        await services.reader.explain("db", "SELECT id FROM customer WHERE email = ?", (str(token),))


async def test_a_token_that_was_never_given_is_refused(services: Services) -> None:
    with pytest.raises(InvalidStatement, match="was not given"):
        await _shown(services, "SELECT id FROM customer WHERE email = ?", "[email:0123456789]")


async def test_figures_over_fewer_than_five_rows_that_restricted_columns_chose_are_hidden(services: Services) -> None:
    for sql, figures in (
        ("SELECT count(*) AS n FROM customer WHERE card_number LIKE '4111%'", [["[fewer than 5]"]]),
        ("SELECT count(*) AS n FROM customer WHERE card_number LIKE '%'", [[20]]),
        ("SELECT count(*) AS n FROM customer WHERE email LIKE 'ada%'", [[1]]),
        ("SELECT max(id) AS m FROM customer WHERE card_number LIKE '4111%'", [["[fewer than 5]"]]),
        ("SELECT count(*) AS n, max(id) AS m FROM customer WHERE card_number LIKE '%'", [[20, 20]]),
        ("SELECT count(*) FILTER (WHERE card_number LIKE '4111%') AS n, count(*) AS a FROM customer", [["[fewer than 5]", 20]]),
        ("SELECT count(DISTINCT card_number) AS n FROM customer WHERE id = 1", [["[fewer than 5]"]]),
        ("SELECT n FROM (SELECT count(*) AS n FROM customer WHERE card_number = '4111111111111111') s", [["[fewer than 5]"]]),
    ):  # fmt: skip
        page = await services.reader.query("db", sql)
        assert [list(row) for row in page.masked.result.rows] == figures, sql
    plan = await services.reader.explain("db", "SELECT id FROM customer WHERE card_number LIKE '4111%'", analyze=True)
    assert "1 rows" not in plan.text


async def test_choosing_rows_by_restricted_columns_is_recorded_and_not_without_end(services: Services) -> None:
    await services.reader.query("db", "SELECT id FROM customer WHERE card_number LIKE '41%'")
    await services.reader.query("db", "SELECT id FROM customer WHERE country = 'UK'")
    query = select(AUDIT.c.detail).where(AUDIT.c.action == "restricted_filter")
    async with services.store.read() as reading:
        (detail,) = [json.loads(row.detail) for row in await reading.execute(query)]
    assert detail["columns"] == ["customer.card_number"]
    assert "4111" not in json.dumps(detail)
    guess = "SELECT id FROM customer WHERE card_number LIKE '4{}%'"
    for number in range(MAX_GUESSES - 1):
        await services.reader.query("db", guess.format(number))
    with pytest.raises(ResourceExhausted, match=r"customer\.card_number"):
        await services.reader.query("db", guess.format("x"))


def test_a_plan_repeats_only_what_its_reader_wrote() -> None:
    node = PlanNode("Filter", "other", condition="(a = 'ada@example.org') and (b = 'mine') and c = 4111111111111111")
    plan = QueryPlan((node,), 1.0, False, text="x = 'ada@example.org'")
    shown = without_values(plan, ("SELECT 1 WHERE b = 'mine'",), counts=True)
    assert shown.roots[0].condition == "(a = '[value]') and (b = 'mine') and c = '[value]'"
    assert shown.text == "x = '[value]'"


MERGED = "CREATE TABLE region (zone text, country text); INSERT INTO region VALUES ('north', 'UK'), ('west', 'US'), ('low', 'NL');"
NUMBERS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 127), "
    "p(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM p WHERE k < 30) "
)


async def test_columns_merged_by_a_join_are_not_taken_for_one_another(services: Services, tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / "data.db")
    raw.executescript(
        MERGED + "CREATE VIEW cv(a, b, c, d, e, f, g, h) AS SELECT * FROM customer JOIN region USING (country);"
    )
    raw.close()
    for sql in (
        "WITH t(a, b, c, d, e, f, g, h) AS (SELECT * FROM customer JOIN region USING (country)) SELECT b, h FROM t",
        "WITH t(a, b, c, d, e, f, g, h) AS (SELECT * FROM customer NATURAL JOIN region) SELECT b AS b, h FROM t",
        "SELECT b, h FROM cv",
        "SELECT 1 AS country, 2 AS b, 3, 4, 5, 6, 7, 8 UNION ALL SELECT * FROM customer JOIN region USING (country)",
    ):
        page = await services.reader.query("db", sql)
        assert "@example.org" not in json.dumps(page.masked.result.rows), sql
        assert "h" not in page.masked.masked, sql


async def test_a_value_is_not_written_down_in_what_it_is_compared_with(services: Services, tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / "data.db")
    raw.executescript("CREATE TABLE alphabet (code integer, letter text);")
    raw.executemany("INSERT INTO alphabet VALUES (?, ?)", [(n, chr(n)) for n in range(32, 127)])
    raw.commit()
    raw.close()
    (token,) = await _shown(services, "SELECT password FROM login WHERE mail LIKE 'ada%'")
    one = "(SELECT password FROM login WHERE mail LIKE 'ada%')"
    for sql, parameters in (
        (NUMBERS + "SELECT p.k, n.i FROM p, n, login l WHERE l.mail LIKE 'ada%' AND n.i = unicode(substr(l.password, p.k, 1))", ()),
        (NUMBERS + f"SELECT p.k, n.i FROM p, n WHERE n.i = unicode(substr({one}, p.k, 1))", ()),
        (NUMBERS + "SELECT p.k, n.i FROM p, n WHERE n.i = unicode(substr(?, p.k, 1))", (token,)),
        (NUMBERS + "SELECT p.k, char(n.i) FROM p, n, customer WHERE id = 1 AND n.i = unicode(substr(email, p.k, 1))", ()),
        (NUMBERS + "SELECT a.letter FROM p, alphabet a, customer WHERE id = 1 AND a.code = unicode(substr(email, p.k, 1))", ()),
        (NUMBERS + "SELECT n.i FROM n JOIN customer c ON c.id = 1 AND unicode(c.email) = n.i", ()),
    ):  # fmt: skip
        page = await services.reader.query("db", sql, parameters)
        shown = [cell for row in page.masked.result.rows for cell in row]
        assert shown, sql
        assert all(str(cell).startswith("[") for cell in shown), (sql, shown[:5])
    plain = await services.reader.query("db", "SELECT id, country FROM customer WHERE email = ? AND country = ?", (
        str((await _shown(services, "SELECT email FROM customer WHERE id = 1"))[0]), "UK"))  # fmt: skip
    assert plain.masked.result.rows == ((1, "UK"),)


async def test_restricted_columns_are_seen_wherever_they_choose(services: Services) -> None:
    for sql in (
        "SELECT id FROM orders WHERE EXISTS (SELECT 1 FROM customer WHERE card_number LIKE '4111%')",
        "SELECT id FROM orders WHERE '4111111111111111' IN (SELECT card_number FROM customer)",
        "SELECT id FROM customer JOIN (SELECT '4111111111111111' AS card_number) AS b USING (card_number)",
        "SELECT id FROM orders LIMIT (SELECT unicode(card_number) - 40 FROM customer WHERE id = 1)",
        "SELECT id FROM customer ORDER BY card_number LIKE '4111%' DESC, id LIMIT 1",
        "SELECT count(*) FROM customer GROUP BY card_number LIKE '4111%'",
    ):
        page = await services.reader.query("db", sql)
        assert page.masked.restricted == ("customer.card_number",), sql


async def test_an_aggregate_does_not_empty_a_column_within_its_row_cap(services: Services) -> None:
    await services.decisions.disclose("d", "db", [("", "customer", "email")], "test", rows=1, seconds=60)
    for sql in ("SELECT group_concat(email) FROM customer", "SELECT json_group_array(email) FROM customer",
                "SELECT max(email) OVER () FROM customer", "SELECT (SELECT group_concat(email) FROM customer) AS x"):  # fmt: skip
        page = await services.reader.query("db", sql)
        assert EMAIL not in json.dumps(page.masked.result.rows), sql
    assert [one.rows_left for one in await services.decisions.disclosures("db")] == [1]


async def test_a_label_says_what_it_does_and_a_secret_stays_one(services: Services) -> None:
    adapter = await services.connections.adapter("db")
    schema = await adapter.catalog.read_schema()
    step = label_step(schema, "login.password", "harmless", "secret")
    assert step.risk == "high"
    assert "LEAVES IN CLEAR" in step.statement
    assert "was secret" in step.statement
    assert label_step(schema, "customer.country", "age").risk == "high"
    for kind in ("email", "age"):
        with pytest.raises(InvalidStatement, match="never become"):
            label_step(schema, "login.password", kind, "secret")


async def test_undoing_takes_no_protection_away_and_no_later_decision_back(services: Services) -> None:
    adapter = await services.connections.adapter("db")
    schema = await adapter.catalog.read_schema()
    first = await _carry_out(services, label_step(schema, "customer.country", "gender"))
    second = await _carry_out(services, label_step(schema, "customer.country", "nationality"))
    with pytest.raises(Irreversible, match="decided anew"):
        await services.changes.roll_back(first)
    await services.changes.roll_back(second)
    assert str((await _shown(services, "SELECT country FROM customer"))[0]).startswith("[gender:")
    alone = await _carry_out(services, label_step(schema, "orders.status", "health"))
    with pytest.raises(Irreversible, match="leave in clear"):
        await services.changes.roll_back(alone)
    assert str((await _shown(services, "SELECT status FROM orders"))[0]).startswith("[health:")


async def test_what_was_decided_follows_a_foreign_key_and_a_kind_unknown_is_masked(services: Services) -> None:
    adapter = await services.connections.adapter("db")
    schema = await adapter.catalog.read_schema()
    await services.decisions.decide("db", ("", "login", "mail"), "national_id", "c/1")
    (label,) = await services.labels.labels("db", adapter, schema, schema.table("visit"))
    assert label.type in ("national_id", "email")
    await services.decisions.decide("db", ("", "visit", "page"), "kind_of_tomorrow", "c/2")
    assert str((await _shown(services, "SELECT page FROM visit"))[0]).startswith("[secret:")


async def test_a_token_in_a_command_is_filled_in_filters_only(services: Services) -> None:
    tokens = services.masker.tokens
    token = tokens.token("secret", "hunter2")
    for command in (
        {"aggregate": "c", "pipeline": [{"$project": {"q": {"$literal": token}}}]},
        {"aggregate": "c", "pipeline": [{"$project": {"filter": {"$toUpper": token}}}]},
        {"aggregate": "c", "pipeline": [{"$match": {"$expr": {"$eq": [{"$substrCP": [token, 0, 1]}, "h"]}}}]},
        {"find": "c", "projection": {"x": {"$literal": token}}},
        {"find": "c", "filter": {"x": {"$regex": token}}},
    ):
        with pytest.raises(InvalidStatement):
            tokens.resolved_command(json.dumps(command))
    for command in (
        {"find": "c", "filter": {"x": token}},
        {"aggregate": "c", "pipeline": [{"$match": {"x": {"$in": [token]}}}]},
    ):
        filled, had = tokens.resolved_command(json.dumps(command))
        assert had
        assert "hunter2" in filled


async def test_what_an_approver_reads_can_not_be_forged() -> None:
    step = ChangeStep(title="x\n1. [pending] harmless\x1b[8m", statement="SELECT 1" + " " * 5 + "x" * 900)
    plan = ChangePlan(
        connection="db", title="t\nState: verified", reason="r\x1b[8m\nEnd.", steps=(step,), precondition=""
    )
    change = ChangeSet(
        "chg_1", plan, "h", ChangeState.PROPOSED, dt.datetime.now(dt.UTC), (StepRecord(1, step, StepState.PENDING),)
    )
    text = change_text(change, ConnectionSettings(url="sqlite:///x.db"))
    assert "\x1b" not in text
    assert len([line for line in text.splitlines() if line.startswith("1. ")]) == 1
    assert "x" * 900 in text, "what is approved is shown whole"
