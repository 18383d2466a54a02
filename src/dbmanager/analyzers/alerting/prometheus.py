"""The same alert rules for Prometheus, and a dashboard for Grafana over the exported figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dbmanager.model.configuration import AlertRule
from dbmanager.model.metrics import DEFINITIONS

PREFIX = "dbmanager_"
RATE = "15m"
SCRAPED = ("connection", "instance", "job")


def exported(name: str) -> str:
    """Return the exported name of a figure."""
    return f"{PREFIX}{name}" + ("_total" if DEFINITIONS[name].kind == "counter" else "")


def alert_rules(rules: Mapping[str, AlertRule], *, minutes: int = 5) -> dict[str, Any]:
    """Return a rule file of Prometheus as the value that YAML, or JSON, writes.

    Hysteresis is kept: what already fires goes on until the figure is within `clear`.
    For that rules must be evaluated more often than every 5 minutes (the default is each minute): the series ALERTS is
    looked back for no longer. Source: Prometheus, Alerting rules; Querying basics, staleness.
    """
    return {
        "groups": [{"name": "dbmanager", "rules": [_rule(name, rule, minutes) for name, rule in sorted(rules.items())]}]
    }


def _rule(name: str, rule: AlertRule, minutes: int) -> dict[str, Any]:
    figure, sign, alert = _figure(rule), ">" if rule.above is not None else "<", f"{PREFIX}{name}"
    bound = rule.above if rule.above is not None else rule.below
    expression = f"{figure} {sign} {bound!r}"
    if rule.clear is not None and rule.clear != bound:
        firing = f'ALERTS{{alertname="{alert}", alertstate="firing"}}'
        expression = f"({expression}) or (({figure} {sign} {rule.clear!r}) and ignoring (alertname, alertstate, severity) {firing})"
    return {
        "alert": alert, "expr": expression, "for": f"{(rule.after - 1) * minutes}m", "labels": {"severity": rule.severity},
        "annotations": {"summary": f"{{{{ $labels.connection }}}}: {name} is {{{{ $value }}}}", "description": rule.advice},
    }  # fmt: skip


def _figure(rule: AlertRule) -> str:
    only = f"{{connection=~{json.dumps('|'.join(map(re.escape, rule.connections)))}}}" if rule.connections else ""
    figure = f"{exported(rule.metric)}{only}"
    if DEFINITIONS[rule.metric].kind == "counter":
        figure = f"rate({figure}[{RATE}])"
    if rule.part_of is None:
        return figure
    match = (
        ""
        if DEFINITIONS[rule.metric].of == DEFINITIONS[rule.part_of].of
        else f"on ({', '.join(SCRAPED)}) group_left () "
    )
    return f"{figure} / {match}{exported(rule.part_of)}{only}"


_UNITS = {"bytes": "bytes", "seconds": "s", "milliseconds": "ms", "ratio": "percentunit"}
_PANELS: Sequence[tuple[str, ...]] = (
    ("database_bytes", "disk_limit_bytes"), ("connections_used", "connections_max"), ("commits", "rollbacks", "deadlocks"),
    ("cache_hits", "cache_misses"), ("memory_bytes", "memory_limit_bytes"), ("temp_bytes",), ("sequence_used_ratio",),
    ("table_bytes",), ("replication_lag_seconds", "oldest_transaction_seconds"), ("evicted_keys", "expired_keys"),
)  # fmt: skip


def dashboard() -> dict[str, Any]:
    """Return a dashboard that asks its Prometheus for what `dbmanager export-metrics` writes."""
    source = {"type": "prometheus", "uid": "${datasource}"}
    asks = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}
    names = {
        "name": "connection", "type": "query", "label": "Connection", "datasource": source, "refresh": 2, "includeAll": True, "multi": True,
        "query": {"query": f"label_values({PREFIX}collected_timestamp_seconds, connection)", "refId": "A"},
    }  # fmt: skip
    return {
        "uid": "dbmanager", "title": "Databases", "tags": ["dbmanager"], "schemaVersion": 39, "editable": True, "timezone": "utc",
        "time": {"from": "now-7d", "to": "now"}, "refresh": "1m", "annotations": {"list": []}, "templating": {"list": [asks, names]},
        "panels": list(_panels(source)),
    }  # fmt: skip


def _panels(source: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for number, names in enumerate(_PANELS):
        first = DEFINITIONS[names[0]]
        unit = _UNITS.get(first.unit, "short")
        yield {
            "id": number + 1, "type": "timeseries", "title": first.help, "datasource": dict(source),
            "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []}, "options": {"legend": {"displayMode": "list"}},
            "targets": [
                {"refId": chr(65 + n), "datasource": dict(source), "expr": _asked(name), "legendFormat": _legend(name)}
                for n, name in enumerate(names)
            ],
        }  # fmt: skip


def _asked(name: str) -> str:
    figure = f'{exported(name)}{{connection=~"$connection"}}'
    figure = f"rate({figure}[{RATE}])" if DEFINITIONS[name].kind == "counter" else figure
    return f"topk(10, {figure})" if DEFINITIONS[name].of else figure


def _legend(name: str) -> str:
    of = DEFINITIONS[name].of
    return f"{{{{connection}}}} {name}" + (f" {{{{{of}}}}}" if of else "")
