"""What the machine of a database server has: told, asked, or read here when the server is on this very machine."""

from __future__ import annotations

import os
from pathlib import Path

from dbmanager.model.tuning import Machine, Measured


def machine_of(
    *, memory_bytes: int | None, cores: float | None, measured: Measured, local: bool, root: Path = Path("/")
) -> Machine:
    """Return what is known: what was told goes before what the server tells, and that before this machine's own.

    A server elsewhere that tells nothing has an unknown machine; this one's is never taken for it.
    """
    if memory_bytes is not None or cores is not None:
        return Machine(memory_bytes, cores, "told by the caller")
    asked = measured.figures.get("system_memory_bytes")
    if asked is not None:
        return Machine(int(str(asked)), None, "asked from the server")
    return this_machine(root) if local else Machine()


def this_machine(root: Path = Path("/")) -> Machine:
    """Return memory and cores of this machine or of the container around this process, whichever is less."""
    found = [
        (size, name)
        for size, name in ((_meminfo(root), "/proc/meminfo"), (_group_memory(root), "control group"))
        if size
    ]
    size, name = min(found, default=(None, "unknown"))
    cores = min([float(os.cpu_count() or 1), *([quota] if (quota := _group_cores(root)) else [])])
    return Machine(
        size, cores, f"this machine, where the server's address is ({name}); tell memory_bytes if it has less"
    )


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _meminfo(root: Path) -> int | None:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1_024
    return None


def _group_memory(root: Path) -> int | None:
    """Return the control group's limit, of version 2 or 1; None without one (version 1 tells a huge number)."""
    for place in ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = _text(root / place).strip()
        if text.isdigit() and int(text) < 1 << 60:
            return int(text)
    return None


def _group_cores(root: Path) -> float | None:
    quota, _, period = _text(root / "sys/fs/cgroup/cpu.max").strip().partition(" ")
    if not quota:
        quota = _text(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us").strip()
        period = _text(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us").strip()
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None
