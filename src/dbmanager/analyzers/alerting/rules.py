"""The alert rules that come with the package; the configuration takes their place by name."""

from __future__ import annotations

from collections.abc import Mapping

from dbmanager.model.configuration import AlertRule, MonitoringSettings

STANDARD: Mapping[str, AlertRule] = {
    "disk_filling": AlertRule(
        metric="database_bytes", part_of="disk_limit_bytes", above=0.85, clear=0.8, after=1, severity="critical",
        advice="Free space or enlarge the disk; plan_tuning kind=monitoring says when it is full.",
    ),
    "connections_scarce": AlertRule(
        metric="connections_used", part_of="connections_max", above=0.85, clear=0.75,
        advice="Close idle sessions or put a pooler in front; raising the limit costs memory.",
    ),
    "sequence_running_out": AlertRule(
        metric="sequence_used_ratio", above=0.8, clear=0.75, after=1, severity="critical",
        advice="Change the column to bigint before the numbers end: inserts fail then.",
    ),
    "wraparound_near": AlertRule(
        metric="frozen_age_ratio", above=0.5, clear=0.25, after=1, severity="critical",
        advice="Vacuum the oldest tables (FREEZE), and end what holds old transactions.",
    ),
    "replica_behind": AlertRule(
        metric="replication_lag_seconds", above=60, clear=10, advice="Look for long queries on the replica and at its disk.",
    ),
    "replica_stopped": AlertRule(
        metric="replication_running", below=0.5, after=2, clear_after=1, severity="critical",
        advice="See the error of SHOW REPLICA STATUS (check_database pack=health), mend it, START REPLICA.",
    ),
    "transaction_left_open": AlertRule(
        metric="oldest_transaction_seconds", above=3_600, clear=1_800, after=2,
        advice="Find who holds it (check_database pack=health); vacuum can't clean behind it.",
    ),
    "memory_full": AlertRule(
        metric="memory_bytes", part_of="memory_limit_bytes", above=0.9, clear=0.8, advice="Give keys a TTL, or more memory.",
    ),
    "keys_evicted": AlertRule(metric="evicted_keys", above=10, clear=1, advice="The data no longer fits its memory."),
    "deadlocks": AlertRule(
        metric="deadlocks", above=0.02, clear=0.005, advice="Let transactions take their locks in one order.",
    ),
    "runs_out_soon": AlertRule(
        metric="days_to_limit", below=7, clear=14, severity="critical",
        advice="Its trend reaches the limit within a week; plan_tuning kind=monitoring shows it.",
    ),
    "may_run_out": AlertRule(
        metric="days_to_limit_earliest", below=14, clear=28, after=6,
        advice="The early edge of its forecast reaches the limit within two weeks; plan_tuning kind=monitoring shows it.",
    ),
    "statement_slower": AlertRule(
        metric="statement_drift_ratio", above=3, clear=1.5,
        advice="Its calls take three times as long as over the day before; analyze_workload compares, explain_query tells why.",
    ),
}  # fmt: skip
"""Bounds of ours: where something still can be done in working hours. Wraparound: PostgreSQL's own autovacuum forces itself
at 0.09 and the server stops at 1, manual 25.1.5."""


def rules_for(settings: MonitoringSettings, connection: str) -> dict[str, AlertRule]:
    """Return the rules that hold for a connection, by name."""
    known = {**(STANDARD if settings.standard_rules else {}), **settings.rules}
    return {name: rule for name, rule in known.items() if not rule.connections or connection in rule.connections}
