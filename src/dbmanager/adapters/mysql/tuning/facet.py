"""Measures MySQL and MariaDB for their settings, and writes the steps that change one."""

from __future__ import annotations

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mysql.session import Sessions
from dbmanager.adapters.mysql.tuning.rules import RULES
from dbmanager.adapters.mysql.wire import DriverError
from dbmanager.adapters.sql.values import canonical
from dbmanager.errors import PermissionDenied
from dbmanager.model.changes import ChangeStep, Probe
from dbmanager.model.queries import Cell
from dbmanager.model.tuning import Measured, Recommendation, TuningRule

TOGETHER = {"tmp_table_size": ("max_heap_table_size", "tmp_table_size")}
"""Settings that count only together."""
_PERSISTED = "SELECT VARIABLE_NAME FROM performance_schema.persisted_variables"
PERSISTS = "persists"


class MysqlTuning:
    """The `Tuning` facet. MySQL keeps a setting itself (SET PERSIST); for MariaDB a person writes the line."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def rules(self) -> tuple[TuningRule, ...]:
        """Return the rules in id order."""
        return RULES

    async def measured(self) -> Measured | Unsupported:
        """Read every setting and counter; two statements that touch no table."""
        facts = await self._sessions.facts()
        try:
            async with self._sessions.reading(timeout_seconds=30, lock_seconds=5) as raw:
                pairs = [*await raw.fetch("SHOW GLOBAL VARIABLES"), *await raw.fetch("SHOW GLOBAL STATUS")]
                figures: dict[str, Cell] = {str(name).lower(): canonical(value) for name, value in pairs}
                if "persisted_globals_load" in figures:
                    figures[PERSISTS] = True
                    try:
                        kept = {str(row[0]).lower() for row in await raw.fetch(_PERSISTED)}
                    except DriverError:  # performance_schema is off, or the account may not look
                        kept = set()
                    figures |= {f"{name}.kept": True for name in kept}
        except PermissionDenied as denied:
            return Unsupported(f"the account can't see it: {denied.message}")
        figures["counted_since"] = f"{figures.get('uptime_since_flush_status', figures.get('uptime'))} s ago"
        figures["product"] = facts.product
        return Measured(figures)

    def steps(self, recommendation: Recommendation, measured: Measured) -> tuple[ChangeStep, ...]:
        """Return SET PERSIST where the server has it, else SET GLOBAL, with what sets the old value again."""
        persists = bool(measured.figures.get(PERSISTS))
        value, made = recommendation.proposed.value, []
        for name in TOGETHER.get(recommendation.rule.setting, (recommendation.rule.setting,)):
            known = int(measured[name])
            back = [f"SET GLOBAL {name} = {known}"]
            if persists and measured.figures.get(f"{name}.kept"):
                back = [f"SET PERSIST {name} = {known}"]
            elif persists:
                back.append(f"RESET PERSIST IF EXISTS {name}")
            made.append(
                ChangeStep(
                    title=f"{name}: {known} becomes {value}", statement=f"SET {'PERSIST' if persists else 'GLOBAL'} {name} = {value}",
                    access="admin", lock="none", transactional=False, inverse=tuple(back),
                    postcondition=Probe(statement=f"SELECT @@GLOBAL.{name}", expected=int(value)),
                )
            )  # fmt: skip
        return tuple(made)

    def by_hand(self, recommendation: Recommendation, measured: Measured) -> str | None:
        """Return the line of my.cnf that MariaDB needs to keep the value; MySQL keeps it itself."""
        known = self._sessions.known_facts
        if known is None or known.product == "mysql":
            return None
        names = TOGETHER.get(recommendation.rule.setting, (recommendation.rule.setting,))
        lines = ", ".join(f"{name} = {recommendation.proposed.value}" for name in names)
        return f"Write into my.cnf, section [mariadb], so that it outlives a restart: {lines}"

    def finish(self) -> tuple[ChangeStep, ...]:
        """Return nothing: values are in force at once."""
        return ()
