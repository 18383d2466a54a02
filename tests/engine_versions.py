"""Versions of each engine that the tests run on; guides say "proved on" from it, `tests/engines/test_versions.py` holds it.

The newest ones run in the slow ring. Names of engines are those of `tests/tool_engines.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

VERSIONS: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("3.40",),
    "postgresql": ("15", "18"),
    "mysql": ("9.7",),
    "mariadb": ("10.11",),
    "mongodb": ("7.0, its wire on DocumentDB",),
    "redis": ("7.0", "8.0", "Valkey 9.1"),
}
