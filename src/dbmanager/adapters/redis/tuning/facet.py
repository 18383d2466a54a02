"""Measures Redis for its settings, and writes the steps that change one."""

from __future__ import annotations

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.redis.catalog import RedisCatalog
from dbmanager.adapters.redis.checks.health import LIMITS, Told
from dbmanager.adapters.redis.security import health_facts
from dbmanager.adapters.redis.session import Sessions
from dbmanager.adapters.redis.steps import capture_of
from dbmanager.adapters.redis.tuning.rules import RULES
from dbmanager.errors import PermissionDenied
from dbmanager.model.changes import ChangeStep
from dbmanager.model.commands import write_command
from dbmanager.model.queries import Cell
from dbmanager.model.tuning import Measured, Recommendation, TuningRule

REWRITE = write_command(["CONFIG", "REWRITE"])


class RedisTuning:
    """The `Tuning` facet."""

    def __init__(self, sessions: Sessions, catalog: RedisCatalog) -> None:
        self._sessions = sessions
        self._catalog = catalog

    def rules(self) -> tuple[TuningRule, ...]:
        """Return the rules in id order."""
        return RULES

    async def measured(self) -> Measured | Unsupported:
        """Read INFO, the limits and the encodings of sampled hashes (the catalog's bounded look at the keys)."""
        groups = (await self._catalog.model()).groups
        try:
            async with self._sessions.reading(timeout_seconds=30) as wire:
                (told,) = await health_facts(self._sessions, wire)
                reply = (await wire.many([("CONFIG", "GET", "hash-max-listpack-entries")]))[0]
        except PermissionDenied as denied:
            return Unsupported(f"the user can't see it: {denied.message}")
        unpacked = [f.length or 0 for g in groups for f in g.sampled if f.type == "hash" and f.encoding == "hashtable"]
        keys, expiring = Told(told).keys()
        figures: dict[str, Cell] = {
            **told, "keys": keys, "expiring_keys": expiring, "hashes_unpacked": len(unpacked),
            "smallest_unpacked": min(unpacked, default=0), "counted_since": f"{told.get('uptime_in_seconds')} s ago, or CONFIG RESETSTAT",
        }  # fmt: skip
        if told.get("total_system_memory"):
            figures["system_memory_bytes"] = int(str(told["total_system_memory"]))
        if isinstance(reply, list) and len(reply) == 2:
            figures["hash-max-listpack-entries"] = reply[1].decode()
        if not set(LIMITS) & set(told):
            return Unsupported("the user may not ask for settings (CONFIG GET)")
        return Measured(figures)

    def steps(self, recommendation: Recommendation, measured: Measured) -> tuple[ChangeStep, ...]:
        """Return CONFIG SET, before and after it CONFIG REWRITE.

        The first one finds out that the file can be written before anything is changed; undone last, it writes the
        old value back into the file.
        """
        name, value = recommendation.rule.setting, recommendation.proposed.value
        return (
            _rewrite("Write the configuration file, to know that it can be written"),
            ChangeStep(
                title=f"{name}: {recommendation.proposed.current} becomes {value}",
                statement=write_command(["CONFIG", "SET", name, value]), access="admin", risk="medium", lock="none",
                transactional=False, before_image=capture_of("config", [name.encode()]),
            ),
            _rewrite("Keep it in the configuration file"),
        )  # fmt: skip

    def by_hand(self, recommendation: Recommendation, measured: Measured) -> str | None:
        """Return nothing: the file is written by the server."""
        return None

    def finish(self) -> tuple[ChangeStep, ...]:
        """Return nothing: values are in force at once."""
        return ()


def _rewrite(title: str) -> ChangeStep:
    return ChangeStep(
        title=title, statement=REWRITE, access="admin", lock="none", transactional=False, inverse=(REWRITE,)
    )
