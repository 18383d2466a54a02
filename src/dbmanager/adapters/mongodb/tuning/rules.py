"""Rules over MongoDB's settings. Each cites the counter that it was measured by."""

from __future__ import annotations

from collections.abc import Iterator

from dbmanager.model.tuning import GB, MB, Machine, Measured, Proposed, TuningRule, rounded, rules


def _cache(m: Measured, machine: Machine) -> Iterator[Proposed]:
    most, evicted = m["cache_maximum_bytes"], m["evicted_by_application"]
    if not most or m["cache_bytes"] < 0.95 * most or evicted < 1_000:
        return
    if machine.memory_bytes is None:
        yield Proposed(needs="memory_bytes of the server")
    elif (wanted := rounded(min(2 * most, 0.5 * (machine.memory_bytes - GB)), 256 * MB)) > most:
        yield Proposed(str(wanted // MB), str(int(most) // MB))


RULES = rules(
    TuningRule("MOT-01", "wiredTigerEngineRuntimeConfig", "twice the cache, at most half of the memory less 1 GB, in MB",
               "MongoDB manual, storage.wiredTiger.engineConfig.cacheSizeGB; serverStatus, wiredTiger.cache",
               ("cache_bytes", "cache_maximum_bytes", "evicted_by_application"),
               "The clients' own threads need not evict pages; the operating system's cache loses as much.", "at once", _cache),
)  # fmt: skip
