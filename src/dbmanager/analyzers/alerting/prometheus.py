"""The same alert rules for Prometheus, and a dashboard for Grafana over the exported figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dbmanager.model.configuration import AlertRule
from dbmanager.model.metrics import DEFINITIONS, LIMITS

PREFIX = "dbmanager_"
RATE, WEEK = "15m", "7d"
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
    made = [_rule(name, rule, minutes) for name, rule in sorted(rules.items())]
    return {"groups": [{"name": "dbmanager", "rules": [*made, *_of_its_own(rules)]}]}


def _of_its_own(rules: Mapping[str, AlertRule]) -> Iterator[dict[str, Any]]:
    """Yield what Prometheus foretells by its own history, for rules on days to a limit and on statements that drift."""
    for name, rule in sorted(rules.items()):
        if rule.metric == "days_to_limit" and rule.below is not None:
            yield _alert(f"{name}_by_trend", rule, " or ".join(_trends(rule)), "1h")
        elif rule.metric == "statement_drift_ratio" and rule.above is not None:
            yield _alert(f"{name}_by_rate", rule, _slower(rule), "15m")


def _trends(rule: AlertRule) -> Iterator[str]:
    """Yield that a week's line reaches a limit; it knows neither season nor interval."""
    ahead = f"{(rule.below or 0.0) * 86_400:.0f}"
    for figure, limit in LIMITS.items():
        of = f"{exported(figure)}{_only(rule)}"
        week = f"max_over_time({of}[1h])[{WEEK}:1h]" if figure == "connections_used" else f"{of}[{WEEK}]"
        yield f"(predict_linear({week}, {ahead}) > {exported(limit)}{_only(rule)})"
    yield f"(predict_linear({exported('sequence_used_ratio')}{_only(rule)}[{WEEK}], {ahead}) > 1)"


def _slower(rule: AlertRule) -> str:
    ms, calls = (f"{exported(name)}{_only(rule)}" for name in ("statement_ms", "statement_calls"))
    newest, usual = (f"increase({ms}[{span}]) / increase({calls}[{span}])" for span in (RATE, "1d"))
    return f"({newest} > {rule.above!r} * ({usual})) and increase({calls}[{RATE}]) >= 10"


def _rule(name: str, rule: AlertRule, minutes: int) -> dict[str, Any]:
    figure, sign, alert = _figure(rule), ">" if rule.above is not None else "<", f"{PREFIX}{name}"
    bound = rule.above if rule.above is not None else rule.below
    expression = f"{figure} {sign} {bound!r}"
    if rule.clear is not None and rule.clear != bound:
        firing = f'ALERTS{{alertname="{alert}", alertstate="firing"}}'
        expression = f"({expression}) or (({figure} {sign} {rule.clear!r}) and ignoring (alertname, alertstate, severity) {firing})"
    return _alert(name, rule, expression, f"{(rule.after - 1) * minutes}m")


def _alert(name: str, rule: AlertRule, expression: str, after: str) -> dict[str, Any]:
    return {
        "alert": f"{PREFIX}{name}", "expr": expression, "for": after, "labels": {"severity": rule.severity},
        "annotations": {"summary": f"{{{{ $labels.connection }}}}: {name} is {{{{ $value }}}}", "description": rule.advice},
    }  # fmt: skip


def _only(rule: AlertRule) -> str:
    return f"{{connection=~{json.dumps('|'.join(map(re.escape, rule.connections)))}}}" if rule.connections else ""


def _figure(rule: AlertRule) -> str:
    only = _only(rule)
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
    ("days_to_limit", "days_to_limit_earliest"), ("statement_drift_ratio",),
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
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []}, "options": _OPTIONS,
            "targets": [
                {"refId": chr(65 + n), "datasource": dict(source), "expr": _asked(name), "legendFormat": _legend(name)}
                for n, name in enumerate(names)
            ],
        }  # fmt: skip


_OPTIONS = {
    "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
    "tooltip": {"mode": "multi", "sort": "desc"},
}  # fmt: skip


def _asked(name: str) -> str:
    figure = f'{exported(name)}{{connection=~"$connection"}}'
    figure = f"rate({figure}[{RATE}])" if DEFINITIONS[name].kind == "counter" else figure
    return f"topk(10, {figure})" if DEFINITIONS[name].of else figure


def _legend(name: str) -> str:
    of = DEFINITIONS[name].of
    return f"{{{{connection}}}} {name}" + (f" {{{{{of}}}}}" if of else "")
