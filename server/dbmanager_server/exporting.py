"""The kept figures for Prometheus: a file for the node exporter's textfile collector, alert rules, a dashboard."""

from __future__ import annotations

import json
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

from dbmanager.analyzers.alerting.prometheus import PREFIX, alert_rules, dashboard
from dbmanager.analyzers.alerting.rules import STANDARD
from dbmanager.errors import MissingDriver
from dbmanager.model.configuration import MonitoringSettings
from dbmanager.model.metrics import DEFINITIONS
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from dbmanager_server.app import make_services


async def exposition(services: Services) -> bytes:
    """Return the newest figures of every connection, with when they were taken and what fires.

    No sample bears a time of its own, since the textfile collector takes none: `collected_timestamp_seconds` tells it.
    """
    if find_spec("prometheus_client") is None:
        raise MissingDriver(
            "exporting needs the package prometheus-client", hint="Run: pip install 'dbmanager-mcp[metrics]'"
        )
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

    families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    taken = GaugeMetricFamily(
        f"{PREFIX}collected_timestamp_seconds", "When the figures were taken", labels=["connection"]
    )
    firing = GaugeMetricFamily(
        f"{PREFIX}alert_firing", "1 while an alert fires", labels=["connection", "rule", "object"]
    )
    for connection in services.connections.names():
        moment = await services.metrics.latest(connection)
        if moment is None:
            continue
        taken.add_metric([connection], moment.taken_at.timestamp())
        for metric in moment.metrics:
            family = families.get(metric.name) or families.setdefault(metric.name, _family(metric.name))
            family.add_metric([connection, metric.object] if metric.object else [connection], metric.value)
        for state in await services.alerts.firing(connection):
            firing.add_metric([connection, state.rule, state.object], 1)

    class Kept:
        def collect(self) -> list[Metric]:
            return [taken, *families.values(), firing]

    registry = CollectorRegistry()
    registry.register(Kept())
    return generate_latest(registry)


def _family(name: str):  # type: ignore[no-untyped-def]
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    definition = DEFINITIONS[name]
    made = CounterMetricFamily if definition.kind == "counter" else GaugeMetricFamily
    return made(f"{PREFIX}{name}", definition.help, labels=["connection", *([definition.of] if definition.of else [])])


async def export(loaded: LoadedConfiguration, file: Path | None) -> bytes:
    """Return the figures; with a file they are written there, whole or not at all."""
    services = make_services(loaded)
    try:
        text = await exposition(services)
    finally:
        await services.close()
    if file is not None:
        replace_with(file, text)
    return text


def replace_with(file: Path, text: bytes) -> None:
    """Write a file that a reader never sees half of; others may read it, as the node exporter must."""
    handle, name = tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def rules_text(settings: MonitoringSettings) -> str:
    """Return the alert rules as a rule file of Prometheus: YAML in its JSON form, which needs no writer of YAML."""
    known = {**(STANDARD if settings.standard_rules else {}), **settings.rules}
    return json.dumps(alert_rules(known), indent=2) + "\n"


def dashboard_text() -> str:
    """Return the dashboard for Grafana's import."""
    return json.dumps(dashboard(), indent=2) + "\n"
