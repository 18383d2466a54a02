"""Keeps how alerts stand, and which changes nobody was told of yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Row

from dbmanager.analyzers.alerting.judge import AlertState, judge
from dbmanager.model.configuration import AlertRule
from dbmanager.model.metrics import MetricMoment
from dbmanager.services.store import Store
from dbmanager.services.tables import ALERT_STATES


class AlertBook:
    """States of alert rules by connection."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def judge(
        self, connection: str, rules: Mapping[str, AlertRule], before: MetricMoment | None, now: MetricMoment
    ) -> list[AlertState]:
        """Judge a moment, keep how every rule stands, and return the states; rules that are gone are forgotten."""
        own = ALERT_STATES.c.connection == connection
        async with self._store.write(alone=True) as writing:
            rows = list(await writing.execute(select(ALERT_STATES).where(own)))
            known = {(row.rule, row.object): _state(row) for row in rows}
            untold = {(row.rule, row.object) for row in rows if row.untold}
            states = judge(rules, known, before, now)
            await writing.execute(delete(ALERT_STATES).where(own))
            kept = [s for s in states if s.is_firing or s.streak or s.has_changed or (s.rule, s.object) in untold]
            if kept:
                values = [
                    {"connection": connection, "rule": s.rule, "object": s.object, "is_firing": int(s.is_firing), "streak": s.streak,
                     "value": s.value, "since": s.since, "untold": int(s.has_changed or (s.rule, s.object) in untold)}
                    for s in kept
                ]  # fmt: skip
                await writing.execute(insert(ALERT_STATES), values)
        return states

    async def firing(self, connection: str) -> tuple[AlertState, ...]:
        """Return what fires now, in order of rule and object."""
        query = select(ALERT_STATES).where(ALERT_STATES.c.connection == connection, ALERT_STATES.c.is_firing == 1)
        return await self._read(query.order_by(ALERT_STATES.c.rule, ALERT_STATES.c.object))

    async def untold(self, connection: str) -> tuple[AlertState, ...]:
        """Return changes of state that were not delivered yet."""
        return await self._read(
            select(ALERT_STATES).where(ALERT_STATES.c.connection == connection, ALERT_STATES.c.untold == 1)
        )

    async def told(self, connection: str, states: tuple[AlertState, ...]) -> None:
        """Note that these changes were delivered; what has changed again meanwhile stays to be told."""
        async with self._store.write() as writing:
            for state in states:
                await writing.execute(
                    update(ALERT_STATES)
                    .where(ALERT_STATES.c.connection == connection, ALERT_STATES.c.rule == state.rule,
                           ALERT_STATES.c.object == state.object, ALERT_STATES.c.is_firing == int(state.is_firing))
                    .values(untold=0)
                )  # fmt: skip

    async def _read(self, query: Any) -> tuple[AlertState, ...]:
        async with self._store.read() as reading:
            return tuple(_state(row) for row in await reading.execute(query))


def _state(row: Row[Any]) -> AlertState:
    return AlertState(row.rule, row.object, bool(row.is_firing), row.streak, row.value, row.since)
