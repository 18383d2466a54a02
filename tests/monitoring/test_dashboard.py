"""The dashboard against Grafana's published schema, by TypeScript's compiler; and its questions against Prometheus's parser."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.npm import command, environment, installed
from dbmanager.analyzers.alerting.prometheus import dashboard
from tests.conftest import needed
from tests.engines.extracted import program

SCHEMA, COMPILER = "@grafana/schema@12.2.0", "typescript@5.9.2"
TYPES = "./node_modules/@grafana/schema/dist/types/raw"
HEAD = f"""
import type {{ Dashboard }} from '{TYPES}/dashboard/x/dashboard_types.gen';
import type {{ FieldConfig, Options }} from '{TYPES}/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
// JSON writes the value of an enum, where TypeScript wants its name.
type Json<T> = T extends string ? `${{T}}` : T extends number | boolean | null | undefined ? T
  : T extends (infer U)[] ? Json<U>[] : T extends object ? {{ [K in keyof T]: Json<T[K]> }} : T;
"""


def _problems(made: dict[str, Any], folder: Path) -> str:
    """Return what the compiler says of a dashboard, of each panel's options and of its custom fields."""
    packages = installed(SCHEMA, COMPILER)
    (folder / "node_modules").symlink_to(packages / "node_modules") if not (folder / "node_modules").exists() else None
    panels = made["panels"]
    lines = [
        HEAD,
        f"export const dashboard: Json<Dashboard> = {json.dumps(made)};",
        f"export const options: Json<Options>[] = {json.dumps([panel['options'] for panel in panels])};",
        f"export const custom: Json<FieldConfig>[] = {json.dumps([p['fieldConfig']['defaults'].get('custom', {}) for p in panels])};",
    ]
    (folder / "made.ts").write_text("\n".join(lines))
    arguments = (
        "--noEmit --strict --skipLibCheck --preserveSymlinks --moduleResolution bundler --module esnext --target es2022"
    )
    done = subprocess.run(
        [*command(packages, "tsc"), *arguments.split(), "made.ts"], cwd=folder, env=environment(), capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    return done.stdout + done.stderr if done.returncode else ""


def _spoilt(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    made = copy.deepcopy(dashboard())
    change(made)
    return made


@pytest.mark.slow
def test_grafana_s_schema_accepts_the_dashboard_and_refuses_a_spoilt_one(tmp_path: Path) -> None:
    assert _problems(dashboard(), tmp_path) == ""
    for change, named in (
        (lambda made: made.update(schemaVersion="39"), "number"),
        (lambda made: made.update(panel=[]), '"panel"'),
        (lambda made: made["panels"][0].update(gridpos={}), "gridpos"),
        (lambda made: made["panels"][0]["options"]["legend"].update(placement="left"), "left"),
        (lambda made: made["templating"]["list"][1].update(refresh=7), "7"),
        (lambda made: made["panels"][0]["options"].pop("tooltip"), "tooltip"),
    ):
        told = _problems(_spoilt(change), tmp_path)
        assert "error TS" in told
        assert named in told


def test_prometheus_can_parse_every_question_of_the_dashboard(tmp_path: Path) -> None:
    with needed():
        promtool = program("prometheus", "promtool")

    def told(expressions: list[str]) -> str:
        rules = [{"record": f"r{n}", "expr": text.replace("$connection", "shop")} for n, text in enumerate(expressions)]
        (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        done = subprocess.run(
            [promtool, "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.stderr if done.returncode else ""

    asked = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    assert told(asked) == ""
    assert "parse error" in told([*asked, "rate(dbmanager_commits_total"])
