"""Long work as tasks: clients of the extension follow it, across restarts of the server; others wait for its answer."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dbmanager_tools.house import FACTS

from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.server.processes import stop_workers
from tests.server.raw import RawServer, handshake, modern

CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
TASKS = "io.modelcontextprotocol/tasks"
ENDED = ("completed", "failed", "cancelled")
SECONDS = 40.0
ENDLESS = "CREATE TABLE found AS SELECT count(*) AS n FROM generate_series(1, 100000000000) AS g(v) WHERE v % 7 = 3"
RUNNING = (
    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'CREATE TABLE found%' "
    "AND pid <> pg_backend_pid()"
)
SHOP = """
CREATE TABLE item (id INTEGER PRIMARY KEY, label TEXT NOT NULL);
INSERT INTO item SELECT value, 'item ' || value FROM
  (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 5000) SELECT value FROM n);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name in ("here.db", "there.db"):
        raw = sqlite3.connect(tmp_path / name)
        raw.executescript(SHOP)
        raw.close()
    lines = ['[store]\ndata_dir = "state"', '[connections.here]\nurl = "sqlite:///here.db"']
    lines += ['[connections.there]\nurl = "sqlite:///there.db"\naccess = "read_write"\napproval = "person"']
    (tmp_path / "dbmanager.toml").write_text("\n".join(lines))
    yield tmp_path
    stop_workers(tmp_path)


@pytest.fixture
def pg_folder(tmp_path: Path, pg_server: PostgresServer) -> Iterator[tuple[Path, str]]:
    database = pg_server.create_database()
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.pg]\n'
        f'url = "{pg_server.url(database)}"\npassword = {{ file = "password" }}\naccess = "admin"\n'
    )
    yield tmp_path, database
    stop_workers(tmp_path)
    pg_server.drop_database(database)


def declaring(params: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Return the parameters of a request of a client that declares the extension, and other capabilities."""
    return modern(params, **{CAPABILITIES: {"extensions": {TASKS: {}}, **others}})


def begin(server: RawServer, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool as such a client."""
    result: dict[str, Any] = server.ask("tools/call", declaring({"name": tool, "arguments": arguments}))["result"]
    return result


def get(server: RawServer, task: str) -> dict[str, Any]:
    """Return a task as it stands."""
    result: dict[str, Any] = server.ask("tasks/get", declaring({"taskId": task}))["result"]
    return result


def ended(server: RawServer, task: str) -> dict[str, Any]:
    """Wait for a task's end."""
    deadline = time.monotonic() + SECONDS
    while (found := get(server, task))["status"] not in ENDED:
        assert time.monotonic() < deadline, found
        time.sleep(found["pollIntervalMs"] / 1000)
    return found


def answered(server: RawServer, begun: dict[str, Any]) -> dict[str, Any]:
    """Return the tool's answer; a worker that was at hand may have given it at once."""
    result: dict[str, Any] = ended(server, begun["taskId"])["result"] if begun["resultType"] == "task" else begun
    return result


def plainly(server: RawServer, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool as a client without the extension."""
    result: dict[str, Any] = server.ask("tools/call", modern({"name": tool, "arguments": arguments}))["result"]
    return result


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two results carry the same answer."""
    flags = bool(one.get("isError")) == bool(other.get("isError"))
    return one.get("content") == other.get("content") and _facts(one) == _facts(other) and flags


def _facts(result: dict[str, Any]) -> Any:
    return result.get("_meta", {}).get(FACTS)


def test_a_task_ends_with_the_very_answer_that_waiting_would_have_got(folder: Path) -> None:
    with RawServer(folder) as server:
        task = begin(server, "verify_data", source="here", target="there")
        assert task["resultType"] == "task"
        assert isinstance(task["ttlMs"], int)
        assert isinstance(task["pollIntervalMs"], int)
        assert not task.keys() & {"result", "error", "inputRequests", "requestState", "content"}
        assert get(server, task["taskId"])["taskId"] == task["taskId"], "it is kept before it is told"
        found = ended(server, task["taskId"])
        assert (found["status"], found["resultType"]) == ("completed", "complete")
        waited = plainly(server, "verify_data", source="here", target="there")
        assert waited["_meta"][FACTS] == {"equal": True, "tables": 1, "rows": 5_000}
        assert same(found["result"], waited)
        job = plainly(server, "get_job", job=task["taskId"])
        assert job["_meta"][FACTS]["result"] == waited["_meta"][FACTS]


def test_a_failure_that_a_tool_tells_completes_the_task_with_the_same_words(folder: Path) -> None:
    with RawServer(folder) as server:
        task = begin(server, "run_drill", connection="here")
        found = ended(server, task["taskId"])
        assert found["status"] == "completed"
        waited = plainly(server, "run_drill", connection="here")
        assert waited["isError"]
        assert "`run_backup`" in waited["content"][0]["text"]
        assert same(found["result"], waited)


def test_a_cancelled_task_stops_its_statement_in_the_database(
    pg_folder: tuple[Path, str], pg_server: PostgresServer
) -> None:
    folder, database = pg_folder
    with RawServer(folder) as server:
        steps = [{"sql": ENDLESS, "inverse": "DROP TABLE found"}]
        change = plainly(server, "propose_change", connection="pg", title="count", reason="to count", steps=steps)
        assert FACTS in change["_meta"], change
        token = change["content"][0]["text"].partition("confirm_token='")[2].partition("'")[0]
        id_ = change["_meta"][FACTS]["change"]
        task = begin(server, "apply_change", change=id_, confirm_token=token)
        assert task["status"] == "working"
        wait_for(lambda: pg_server.run_sql(database, RUNNING).strip() == "1")
        acknowledged = server.ask("tasks/cancel", declaring({"taskId": task["taskId"]}))["result"]
        assert acknowledged.keys() == {"resultType", "_meta"}
        asked = time.monotonic()
        wait_for(lambda: pg_server.run_sql(database, RUNNING).strip() == "0")
        assert time.monotonic() - asked < 5
        assert ended(server, task["taskId"])["status"] == "cancelled"
        again = server.ask("tasks/cancel", declaring({"taskId": task["taskId"]}))["result"]
        assert again == acknowledged, "asking again is harmless"


def wait_for(holds: Any) -> None:
    """Wait until something holds; fail when it takes too long."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_task_is_found_again_after_the_server_was_started_anew(folder: Path) -> None:
    with RawServer(folder) as server:
        task = begin(server, "run_backup", connection="here")["taskId"]
    with RawServer(folder) as server:
        found = ended(server, task)
        assert found["status"] == "completed"
        backup = found["result"]["_meta"][FACTS]["backup"]
        drill = answered(server, begin(server, "run_drill", connection="here", backup=backup))
        assert drill["_meta"][FACTS]["passed"] is True


def test_what_an_approval_asks_the_person_comes_before_the_task(folder: Path) -> None:
    with RawServer(folder) as server:
        steps = [{"sql": "CREATE TABLE note (id INTEGER PRIMARY KEY)", "inverse": "DROP TABLE note"}]
        change = plainly(server, "propose_change", connection="there", title="notes", reason="to note", steps=steps)
        params = {"name": "apply_change", "arguments": {"change": change["_meta"][FACTS]["change"]}}
        asked = server.ask("tools/call", declaring(params, elicitation={"form": {}}))["result"]
        assert asked["resultType"] == "input_required"
        assert "taskId" not in asked
        (key,) = asked["inputRequests"]
        accepted = {key: {"action": "accept", "content": {"approve": True}}}
        more = {"inputResponses": accepted, "requestState": asked["requestState"]}
        task = server.ask("tools/call", declaring({**params, **more}, elicitation={"form": {}}))["result"]
        assert task["resultType"] == "task"
        assert "requestState" not in task
        found = ended(server, task["taskId"])
        assert found["result"]["_meta"][FACTS]["state"] == "verified", found
        told = server.ask("tasks/update", declaring({"taskId": task["taskId"], "inputResponses": {"x": {}}}))
        assert told["result"].keys() == {"resultType", "_meta"}


def test_a_long_answer_of_a_task_is_bounded_alike_however_often_it_is_asked_for(folder: Path) -> None:
    for name in ("here.db", "there.db"):
        raw = sqlite3.connect(folder / name)
        raw.executescript("".join(f"CREATE TABLE part_{n:04}_{'x' * 60} (id INTEGER PRIMARY KEY);" for n in range(240)))
        raw.close()
    with RawServer(folder) as server:
        task = begin(server, "verify_data", source="here", target="there")["taskId"]
        found = ended(server, task)["result"]
        text, link = found["content"]
        assert len(text["text"]) < 27_000
        assert get(server, task)["result"] == found
        id_ = link["uri"].rpartition("/")[2]
        assert f"result='{id_}'" in text["text"]
        start = int(text["text"].rpartition("start=")[2].rstrip("."))
        rest = plainly(server, "read_result", result=id_, start=start)["content"][0]["text"]
        assert "241 tables, 5000 rows: all equal." in rest


def test_an_unknown_task_is_refused_with_the_nearest_and_lists_are_no_part_of_it(folder: Path) -> None:
    with RawServer(folder) as server:
        task = begin(server, "run_backup", connection="here")["taskId"]
        for method in ("tasks/get", "tasks/cancel", "tasks/update"):
            refused = server.ask(method, declaring({"taskId": task[:-1] + "x", "inputResponses": {}}))["error"]
            assert refused["code"] == -32602
            assert f"Did you mean '{task}'?" in refused["message"]
        for method in ("tasks/list", "tasks/result"):
            assert server.ask(method, declaring({"taskId": task}))["error"]["code"] == -32601


def test_a_client_without_the_extension_waits_for_the_answer_and_has_no_tasks(folder: Path) -> None:
    with RawServer(folder) as server:
        waited = plainly(server, "run_backup", connection="here")
        assert waited["resultType"] == "complete"
        assert "backup" in waited["_meta"][FACTS]
        refused = server.ask("tasks/get", modern({"taskId": "job_0000000000"}))["error"]
        assert refused["code"] == -32021
        assert refused["data"] == {"requiredCapabilities": {"extensions": {TASKS: {}}}}


def test_a_client_of_the_handshake_era_gets_no_task_whatever_it_declares(folder: Path) -> None:
    with RawServer(folder) as server:
        server.ask("initialize", handshake(extensions={TASKS: {}}), "open")
        server.send("notifications/initialized")
        assert "backup" in server.call("run_backup", connection="here")["_meta"][FACTS]
        assert server.ask("tasks/get", {"taskId": "job_0000000000"})["error"]["code"] == -32601
