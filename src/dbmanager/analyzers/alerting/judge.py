"""Judges rules by two moments, with hysteresis: what fires has stayed beyond its bound, what ends has come well back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dbmanager.model.configuration import AlertRule
from dbmanager.model.metrics import DEFINITIONS, MetricMoment


@dataclass(frozen=True, slots=True)
class AlertState:
    """How one rule stands for one object.

    Attributes:
        streak: moments in a row that speak for the other state.
        value: as last measured.
        since: when it began to fire, or ended; seconds since 1970.
        has_changed: whether this very moment began or ended it.
    """

    rule: str
    object: str
    is_firing: bool = False
    streak: int = 0
    value: float = 0.0
    since: float = 0.0
    has_changed: bool = False


Key = tuple[str, str]


def judge(
    rules: Mapping[str, AlertRule], known: Mapping[Key, AlertState], before: MetricMoment | None, now: MetricMoment
) -> list[AlertState]:
    """Return how every rule stands after a moment, for each object that was measured or that fired before.

    A figure that was not told says nothing; where others of its kind were, its object is gone, which counts as quiet.
    """
    found = []
    for name, rule in rules.items():
        values = judged(rule, before, now)
        untold = any(rule.metric == figure for figure, _ in now.not_told)
        silent = {
            of for (rule_name, of), state in known.items() if rule_name == name and (state.is_firing or state.streak)
        }
        for of in [*values, *sorted(silent - values.keys())]:
            state = known.get((name, of)) or AlertState(name, of, since=now.taken_at.timestamp())
            value = values.get(of)
            if value is None and (untold or DEFINITIONS[rule.metric].kind == "counter"):
                found.append(replace(state, has_changed=False))
            else:
                found.append(advanced(rule, state, value, now.taken_at.timestamp()))
    return found


def judged(rule: AlertRule, before: MetricMoment | None, now: MetricMoment) -> dict[str, float]:
    """Return what a rule judges, by object: a value, a part, or a rate per second; empty where it was not measured."""
    found: dict[str, float] = {}
    for of in now.objects(rule.metric):
        value = now.value(rule.metric, of)
        if DEFINITIONS[rule.metric].kind == "counter":
            value = _rate(rule.metric, of, before, now)
        if value is not None and rule.part_of is not None:
            whole = now.value(rule.part_of, of if DEFINITIONS[rule.part_of].of else "")
            value = value / whole if whole else None
        if value is not None:
            found[of] = value
    return found


def _rate(name: str, of: str, before: MetricMoment | None, now: MetricMoment) -> float | None:
    old, new = (None if before is None else before.value(name, of)), now.value(name, of)
    seconds = (now.taken_at - before.taken_at).total_seconds() if before is not None else 0.0
    return (new - old) / seconds if old is not None and new is not None and new >= old and seconds > 0 else None


def advanced(rule: AlertRule, state: AlertState, value: float | None, at: float) -> AlertState:
    """Return the state after one more value; None, for what is gone, is quiet."""
    bound = rule.above if rule.above is not None else rule.below
    clear = rule.clear if rule.clear is not None else bound
    assert bound is not None
    assert clear is not None
    if value is None:
        turns, shown = state.is_firing, state.value
    elif rule.above is not None:
        turns, shown = (value <= clear if state.is_firing else value > bound), value
    else:
        turns, shown = (value >= clear if state.is_firing else value < bound), value
    streak = state.streak + 1 if turns else 0
    if streak < (rule.clear_after if state.is_firing else rule.after):
        return replace(state, streak=streak, value=shown, has_changed=False)
    return AlertState(state.rule, state.object, not state.is_firing, 0, shown, at, has_changed=True)
