"""Describes the machine and the versions a result came from, without naming the machine."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = ("mcp", "pydantic", "asyncpg", "sqlalchemy", "aiosqlite", "aiomysql", "pymongo", "redis", "sqlglot")
WRITTEN = ("benchmarks/results", "docs/benchmarks.md")
"""What a run itself writes; a change there does not make a result's commit doubtful."""


@dataclass(frozen=True, slots=True)
class Host:
    """Where figures come from; figures of different hosts are not compared."""

    cpu: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    versions: dict[str, str]
    load_average: tuple[float, ...]


def describe(postgresql_version: str) -> Host:
    """Return this machine, with the load average of this moment."""
    engines = {"PostgreSQL": postgresql_version, "SQLite": sqlite3.sqlite_version}
    return Host(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        versions=engines | {name: version(name) for name in PACKAGES},
        load_average=tuple(round(load, 2) for load in os.getloadavg()),
    )


def commit() -> str:
    """Return the commit that is measured; `-dirty` says that the files differ from it."""
    name = _git("rev-parse", "--short=12", "HEAD")
    excluded = [f":(exclude){path}" for path in WRITTEN]
    changed = _git("status", "--porcelain", "--", ".", *excluded)
    return name + ("-dirty" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _cpu() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
