"""What Prometheus and Grafana are given: the text format, rules with hysteresis, a dashboard that asks for what there is."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dbmanager.analyzers.alerting.prometheus import alert_rules, dashboard, exported
from dbmanager.analyzers.alerting.rules import STANDARD
from dbmanager.model.configuration import AlertRule
from dbmanager.model.metrics import DEFINITIONS
from tests.conftest import needed
from tests.engines.extracted import program
from tests.engines.instance import free_port
from tests.monitoring.receivers import files_over_http
from tests.monitoring.test_collecting import _run, folder

__all__ = ["folder"]


def test_the_file_for_the_node_exporter_holds_figures_and_alerts(folder: Path) -> None:
    assert _run(folder, "export-metrics").stdout.count("\n") <= 6  # nothing was collected yet
    for _ in range(2):
        assert _run(folder, "collect").returncode == 0
    done = _run(folder, "export-metrics", "--file", "out/figures.prom")
    assert done.returncode != 0  # there is no such folder
    done = _run(folder, "export-metrics", "--file", "figures.prom")
    assert done.returncode == 0, done.stderr
    families = {one.name: one for one in text_string_to_metric_families((folder / "figures.prom").read_text())}
    (sample,) = families["dbmanager_database_bytes"].samples
    assert (sample.labels, sample.value) == ({"connection": "shop"}, (folder / "shop.db").stat().st_size)
    assert sample.timestamp is None
    assert families["dbmanager_database_bytes"].type == "gauge"
    assert families["dbmanager_collected_timestamp_seconds"].samples[0].value > 1.7e9
    (firing,) = families["dbmanager_alert_firing"].samples
    assert firing.labels == {"connection": "shop", "rule": "grown", "object": ""}
    assert [path.name for path in folder.glob(".figures*")] == []


def test_rules_go_on_until_the_figure_is_well_back() -> None:
    (group,) = alert_rules(STANDARD)["groups"]
    rules = {one["alert"]: one for one in group["rules"]}
    assert len(rules) == len(STANDARD) + 2  # by Prometheus's own history
    one = rules["dbmanager_connections_scarce"]
    assert one["expr"] == (
        "(dbmanager_connections_used / dbmanager_connections_max > 0.85) or ((dbmanager_connections_used / "
        "dbmanager_connections_max > 0.75) and ignoring (alertname, alertstate, severity) "
        'ALERTS{alertname="dbmanager_connections_scarce", alertstate="firing"})'
    )
    assert one["for"] == "10m"
    assert rules["dbmanager_deadlocks"]["expr"].startswith("(rate(dbmanager_deadlocks_total[15m]) > 0.02)")


def test_a_rule_of_some_connections_asks_for_those_alone() -> None:
    rule = AlertRule(metric="table_bytes", part_of="disk_limit_bytes", above=0.5, connections=("a.b", "c"))
    (made,) = alert_rules({"big": rule})["groups"][0]["rules"]
    assert made["expr"] == (
        'dbmanager_table_bytes{connection=~"a\\\\.b|c"} / on (connection, instance, job) group_left () '
        'dbmanager_disk_limit_bytes{connection=~"a\\\\.b|c"} > 0.5'
    )


@pytest.fixture
def promtool() -> Path:
    return _program("promtool")


def _program(name: str) -> Path:
    with needed():
        return program("prometheus", name)


def test_promtool_accepts_the_rules_and_their_hysteresis_is_ours(folder: Path, promtool: Path) -> None:
    done = _run(folder, "export-metrics", "--rules", "--file", "rules.yml")
    assert done.returncode == 0, done.stderr
    checked = subprocess.run(
        [promtool, "check", "rules", "rules.yml"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert f"{len(STANDARD) + 3} rules found" in checked.stdout
    labels = '{connection="shop", instance="i", job="j"}'
    used = [90, 90, 90, 80, 80, 80, 80, 70, 80, 80]  # every 5 minutes; fires at 10, goes on at 80, ends at 70
    alert = {"exp_labels": {"connection": "shop", "instance": "i", "job": "j", "severity": "warning"}}
    times = [(5, []), (10, [alert]), (30, [alert]), (35, []), (45, [])]
    case = {
        "interval": "5m",
        "input_series": [
            {"series": f"dbmanager_connections_used{labels}", "values": " ".join(map(str, used))},
            {"series": f"dbmanager_connections_max{labels}", "values": "100x9"},
        ],
        "alert_rule_test": [
            {"eval_time": f"{at}m", "alertname": "dbmanager_connections_scarce",
             "exp_alerts": [{**one, "exp_annotations": _annotations(used[at // 5])} for one in fires]}
            for at, fires in times
        ],
    }  # fmt: skip
    cases = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [case]}
    (folder / "cases.yml").write_text(json.dumps(cases))
    tried = subprocess.run(
        [promtool, "test", "rules", "cases.yml"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr
    (folder / "cases.yml").write_text(json.dumps(cases).replace('"90 90 90 80', '"90 90 80 80'))
    tried = subprocess.run(
        [promtool, "test", "rules", "cases.yml"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert tried.returncode != 0


def test_prometheus_fires_by_its_own_trend_and_by_its_own_means(folder: Path, promtool: Path) -> None:
    assert _run(folder, "export-metrics", "--rules", "--file", "rules.yml").returncode == 0
    labels = 'connection="shop", instance="i", job="j"'

    def case(growth: int, slow_ms: int) -> list[str]:
        """Return which of both alerts fire after two days, of which the last hour has calls that slow."""
        alerts = ["dbmanager_runs_out_soon_by_trend", "dbmanager_statement_slower_by_rate"]
        series = [
            (f"dbmanager_database_bytes{{{labels}}}", f"1000+{growth}x576"), (f"dbmanager_disk_limit_bytes{{{labels}}}", "10000x576"),
            (f'dbmanager_statement_calls_total{{{labels}, statement="s"}}', "0+100x576"),
            (f'dbmanager_statement_ms_total{{{labels}, statement="s"}}', f"0+200x564 {112_800 + slow_ms}+{slow_ms}x11"),
        ]  # fmt: skip
        fired = []
        for alert in alerts:
            expected = {"eval_time": "48h", "alertname": alert, "exp_alerts": []}
            test = {
                "interval": "5m",
                "input_series": [{"series": n, "values": v} for n, v in series],
                "alert_rule_test": [expected],
            }
            (folder / "cases.yml").write_text(
                json.dumps({"rule_files": ["rules.yml"], "evaluation_interval": "5m", "tests": [test]})
            )
            tried = subprocess.run(
                [promtool, "test", "rules", "cases.yml"], cwd=folder, capture_output=True, text=True, check=False
            )
            if tried.returncode:
                assert "got:[" in tried.stdout + tried.stderr, tried.stdout + tried.stderr
                fired.append(alert.removeprefix("dbmanager_"))
        return fired

    assert case(growth=1, slow_ms=200) == []
    assert case(growth=5, slow_ms=200) == ["runs_out_soon_by_trend"]
    assert case(growth=1, slow_ms=800) == ["statement_slower_by_rate"]


def _annotations(used: int) -> dict[str, str]:
    return {
        "summary": f"shop: connections_scarce is {used / 100}", "description": STANDARD["connections_scarce"].advice,
    }  # fmt: skip


def test_prometheus_scrapes_the_file_and_evaluates_every_rule(folder: Path) -> None:
    prometheus = _program("prometheus")
    for _ in range(2):
        assert _run(folder, "collect").returncode == 0
    assert _run(folder, "export-metrics", "--file", "metrics").returncode == 0
    assert _run(folder, "export-metrics", "--rules", "--file", "rules.yml").returncode == 0
    with files_over_http(folder) as port, (folder / "prometheus.log").open("w") as log:
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "dbmanager", "fallback_scrape_protocol": "PrometheusText0.0.4",
                                "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
        }  # fmt: skip
        (folder / "prometheus.yml").write_text(json.dumps(config))
        own = free_port()
        server = subprocess.Popen(
            [prometheus, "--config.file=prometheus.yml", f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{own}"],
            cwd=folder, stderr=log,
        )  # fmt: skip
        try:
            (found,) = _until(own, "query?query=dbmanager_database_bytes", lambda told: told["data"]["result"])
            assert found["metric"]["connection"] == "shop"
            assert float(found["value"][1]) == (folder / "shop.db").stat().st_size

            def evaluated(told: dict[str, Any]) -> list[str]:
                (group,) = told["data"]["groups"]
                health = [rule["health"] for rule in group["rules"]]
                return [] if "unknown" in health else health

            assert _until(own, "rules", evaluated) == ["ok"] * (len(STANDARD) + 3), (
                folder / "prometheus.log"
            ).read_text()
        finally:
            server.terminate()
            server.wait(20)


def _until(port: int, path: str, found: Callable[[dict[str, Any]], list[Any]]) -> list[Any]:
    """Ask Prometheus until it answers with something, for a minute at most."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=5) as answer:
                told = found(json.load(answer))
            if told:
                return told
        threading.Event().wait(0.1)
    raise AssertionError(f"Prometheus did not answer {path}")


def test_the_dashboard_asks_for_figures_that_are_exported_and_its_panels_do_not_overlap(folder: Path) -> None:
    made = json.loads(_run(folder, "export-metrics", "--dashboard").stdout)
    assert made == dashboard()
    known = {exported(name) for name in DEFINITIONS}
    asked = [target["expr"] for panel in made["panels"] for target in panel["targets"]]
    for expression in asked:
        assert any(f"{name}{{" in expression for name in known), expression
    places = [(p["gridPos"]["x"] + dx, p["gridPos"]["y"] + dy) for p in made["panels"]
              for dx in range(p["gridPos"]["w"]) for dy in range(p["gridPos"]["h"])]  # fmt: skip
    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) < 24
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"])
