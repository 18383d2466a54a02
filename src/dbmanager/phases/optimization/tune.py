"""Proposes settings by what a server has counted, and makes the change set that puts them in force."""

from __future__ import annotations

from collections.abc import Sequence

from dbmanager.adapters.facets import Adapter, Unsupported, need
from dbmanager.errors import InvalidChoice, UnsupportedCapability
from dbmanager.model.changes import ChangePlan, ChangeStep
from dbmanager.model.tuning import Recommendation, TuningReport
from dbmanager.services.machine import machine_of


async def tune(
    adapter: Adapter,
    connection: str,
    *,
    is_local: bool,
    memory_bytes: int | None = None,
    cores: float | None = None,
    only: Sequence[str] = (),
) -> TuningReport:
    """Measure the server, judge every rule, and write the steps of what is proposed; nothing is changed.

    Raises:
        UnsupportedCapability: the server, or its user, tells nothing to judge by.
        InvalidChoice: `only` names a setting that no rule is about.
    """
    tuning = need(adapter.tuning, connection)
    rules = tuning.rules()
    known = list(dict.fromkeys(rule.setting for rule in rules))
    for name in only:
        if name not in known:
            raise InvalidChoice.of("setting", name, known)
    measured = await tuning.measured()
    if isinstance(measured, Unsupported):
        raise UnsupportedCapability(measured.reason, object_name=connection)
    machine = machine_of(memory_bytes=memory_bytes, cores=cores, measured=measured, local=is_local)
    found: list[Recommendation] = []
    silent: list[str] = []
    not_run: dict[str, str] = {}
    for rule in rules:
        if only and rule.setting not in only:
            continue
        if rule.setting in measured.unknown:
            not_run[rule.setting] = measured.unknown[rule.setting]
            continue
        missing = measured.missing(rule.counters)
        if missing:
            not_run[rule.setting] = f"the server does not tell {', '.join(missing)}"
            continue
        made = rule.recommendations(measured, machine)
        wanting = [one.proposed.needs for one in made if one.proposed.needs]
        if wanting:
            not_run[rule.setting] = f"needs {wanting[0]}"
        elif not made:
            silent.append(rule.setting)
        found += [one for one in made if not one.proposed.needs]
    steps: list[ChangeStep] = []
    for one in found:
        steps += () if one.rule.is_advice else tuning.steps(one, measured)
    if any(step.access == "admin" for step in steps):
        steps += tuning.finish()
    by_hand = [line for one in found if (line := tuning.by_hand(one, measured))]
    return TuningReport(
        tuple(found), tuple(silent), not_run, machine, measured.text("counted_since"), tuple(steps), tuple(by_hand)
    )


async def tuning_plan(adapter: Adapter, connection: str, report: TuningReport) -> ChangePlan:
    """Return the change set of a report's steps."""
    names = ", ".join(dict.fromkeys(one.rule.setting for one in report.recommendations if not one.rule.is_advice))
    return ChangePlan(
        connection=connection,
        title=f"Settings: {names}"[:300],
        reason="; ".join(f"{one.rule.setting}: {figures_text(one)}" for one in report.recommendations)[:1_000],
        steps=report.steps,
        precondition=await adapter.catalog.fingerprint(),
        notes=report.by_hand,
    )


def figures_text(one: Recommendation) -> str:
    """Return what was measured, in one line."""
    return ", ".join(f"{name} {value}" for name, value in one.evidence.items() if not isinstance(value, list | dict))
