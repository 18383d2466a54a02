"""Rules over Redis's settings. Each cites the counter that it was measured by."""

from __future__ import annotations

from collections.abc import Iterator

from dbmanager.model.tuning import Machine, Measured, Proposed, TuningRule, rounded, rules

PACKED_ENTRIES = 512


def _maxmemory(m: Measured, machine: Machine) -> Iterator[Proposed]:
    current, hours = m["maxmemory"], max(m["uptime_in_seconds"] / 3_600, 1)
    if not current or m["evicted_keys"] <= 100 * hours:
        return
    if machine.memory_bytes is None:
        yield Proposed(needs="memory_bytes of the server")
    elif (wanted := rounded(min(2 * current, 0.6 * machine.memory_bytes))) > current:
        yield Proposed(str(wanted), str(int(current)))


def _policy(m: Measured, machine: Machine) -> Iterator[Proposed]:
    full = m["maxmemory"] > 0 and m["used_memory"] > 0.9 * m["maxmemory"]
    if (
        full
        and m.text("maxmemory-policy") == "noeviction"
        and m["keys"] >= 100
        and m["expiring_keys"] >= 0.9 * m["keys"]
    ):
        yield Proposed("volatile-lru", "noeviction")


def _listpack_entries(m: Measured, machine: Machine) -> Iterator[Proposed]:
    smallest, current = m["smallest_unpacked"], m["hash-max-listpack-entries"]
    if m["hashes_unpacked"] >= 10 and current and current < smallest <= PACKED_ENTRIES:
        yield Proposed(str(PACKED_ENTRIES), str(int(current)))


RULES = rules(
    TuningRule("RT-01", "maxmemory", "twice what it is, at most 60 % of the memory (a save forks and needs the rest)",
               "Redis manual, Key eviction; Redis administration", ("evicted_keys", "used_memory"),
               "Keys stay until their time; the machine has that much less.", "at once", _maxmemory),
    TuningRule("RT-02", "maxmemory-policy", "volatile-lru where nine of ten keys expire anyhow and the memory is used up",
               "Redis manual, Key eviction", ("used_memory", "maxmemory", "keys", "expiring_keys"),
               "Writes go on when the memory is full; keys may go before their time.", "at once", _policy),
    TuningRule("RT-03", "hash-max-listpack-entries", f"{PACKED_ENTRIES}, where ten sampled hashes or more lost their compact form between the "
               "present bound and that", "Redis manual, Memory optimization", ("hashes_unpacked", "smallest_unpacked"),
               "Such hashes take a fraction of the memory once they are written anew; each look-up walks over more fields.", "at once",
               _listpack_entries),
)  # fmt: skip
