"""Takes the figures of a moment, keeps them, judges the alert rules by them and tells who wants to know."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from dbmanager.adapters.facets import Adapter, Unsupported
from dbmanager.analyzers.alerting.judge import AlertState
from dbmanager.analyzers.alerting.rules import rules_for
from dbmanager.errors import DbManagerError, StoreError, UnsupportedCapability
from dbmanager.model.configuration import MonitoringSettings
from dbmanager.model.metrics import Metric, MetricMoment
from dbmanager.phases.optimization.foretelling import foretold
from dbmanager.services.alerts import AlertBook
from dbmanager.services.container import Services
from dbmanager.services.metric_history import MetricHistory
from dbmanager.services.notices import Courier, Notice

MOST_STATEMENTS = 20


@dataclass(frozen=True, slots=True)
class Collected:
    """What collecting from one connection gave.

    Attributes:
        moment: None where the connection could not be measured; `problem` says why.
        states: how every rule stands.
        undelivered: what went wrong with telling, by channel; it is tried again by the next collecting.
    """

    connection: str
    moment: MetricMoment | None
    states: tuple[AlertState, ...] = ()
    problem: str | None = None
    undelivered: tuple[str, ...] = ()


async def measured(adapter: Adapter, settings: MonitoringSettings, connection: str) -> MetricMoment | Unsupported:
    """Return the figures of now with the costliest statements and the disk that the configuration tells."""
    if isinstance(adapter.metrics, Unsupported):
        return adapter.metrics
    moment = await adapter.metrics.moment()
    if isinstance(moment, Unsupported):
        return moment
    statements, why = await _statements(adapter)
    more = list(statements)
    if connection in settings.disk_bytes:
        more.append(Metric("disk_limit_bytes", float(settings.disk_bytes[connection])))
    told = {metric.name for metric in more}
    return dataclasses.replace(
        moment,
        metrics=(*(m for m in moment.metrics if m.name not in told), *more),
        not_told=(*moment.not_told, *([("statement_ms", why)] if why else [])),
    )


async def _statements(adapter: Adapter) -> tuple[Sequence[Metric], str | None]:
    """Return calls and time of the costliest statements by fingerprint, or why the engine does not tell."""
    if isinstance(adapter.workload, Unsupported):
        return (), adapter.workload.reason
    try:
        workload = await adapter.workload.collect(most=MOST_STATEMENTS)
    except DbManagerError as problem:
        return (), problem.message
    if isinstance(workload, Unsupported) or not workload.is_cumulative:
        return (), workload.reason if isinstance(workload, Unsupported) else "its counters do not go on"
    found = []
    for one in workload.statements[:MOST_STATEMENTS]:
        if one.total_ms is not None and one.calls:
            found += [
                Metric("statement_calls", one.calls, one.fingerprint),
                Metric("statement_ms", one.total_ms, one.fingerprint),
            ]
    return found, None


async def observe(services: Services, connection: str) -> Collected:
    """Measure a connection, keep the moment and judge its rules; nobody is told.

    Raises: UnsupportedCapability where nothing can be measured, and what connecting raises.
    """
    settings = services.loaded.configuration.monitoring
    moment = await measured(await services.connections.adapter(connection), settings, connection)
    if isinstance(moment, Unsupported):
        raise UnsupportedCapability(moment.reason, object_name=connection)
    moment, states = await kept(services.metrics, services.alerts, settings, connection, moment)
    return Collected(connection, moment, tuple(states))


async def collect(services: Services, connection: str) -> Collected:
    """Observe a connection and tell whom the configuration names of what changed; a database that is down is a result."""
    try:
        found = await observe(services, connection)
    except StoreError:
        raise
    except DbManagerError as problem:
        return Collected(connection, None, problem=problem.sentence())
    settings = services.loaded.configuration.monitoring
    courier = Courier(settings, services.loaded.base, services.redactor)
    return dataclasses.replace(found, undelivered=tuple(await told(services.alerts, courier, settings, connection)))


async def kept(
    history: MetricHistory, alerts: AlertBook, settings: MonitoringSettings, connection: str, moment: MetricMoment
) -> tuple[MetricMoment, list[AlertState]]:
    """Keep a moment with what the history says of it, and return it and how every rule stands after it."""
    before = await history.latest(connection)
    moment = await foretold(history, connection, before, moment)
    await history.keep(connection, [moment])
    return moment, await alerts.judge(connection, rules_for(settings, connection), before, moment)


async def told(alerts: AlertBook, courier: Courier, settings: MonitoringSettings, connection: str) -> list[str]:
    """Deliver what nobody was told of yet, and return what went wrong."""
    rules = rules_for(settings, connection)
    states = await alerts.untold(connection)
    notices = [Notice(connection, state, rules[state.rule]) for state in states if state.rule in rules]
    problems = await courier.deliver(notices)
    if not problems:
        await alerts.told(connection, states)
    return problems


MOST_TOLD = 8


def state_lines(collected: Collected, settings: MonitoringSettings) -> list[str]:
    """Return what fires with what to do, what was not told to anybody, what could not be measured, and how to go on."""
    rules = rules_for(settings, collected.connection)
    firing = [state for state in collected.states if state.is_firing]
    lines = [f"Alerts: {len(firing)} firing of {len(rules)} rules."]
    lines += [
        f"- **{rules[s.rule].severity} {s.rule}** {s.object}: {s.value:.4g}. {rules[s.rule].advice}"
        for s in firing[:20]
    ]
    lines += [f"Not delivered: {why}; the next collecting tries again." for why in collected.undelivered]
    missing = collected.moment.not_told if collected.moment is not None else ()
    if missing:
        lines.append("Not measured: " + "; ".join(f"{name} ({why})" for name, why in missing[:MOST_TOLD]) + ".")
    lines.append(
        "A person makes it regular: `dbmanager schedule --systemd` or `--cron` prints what runs `dbmanager collect`."
    )
    return lines
