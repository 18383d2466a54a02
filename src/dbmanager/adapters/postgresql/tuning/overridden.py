"""What the server has where the connected role or database has its own value (ALTER ROLE, ALTER DATABASE)."""

from __future__ import annotations

import re
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

_NAMES = (
    "SELECT DISTINCT split_part(c, '=', 1) AS name FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c "
    "WHERE s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user)) "
    "AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))"
)
_BOOT = "SELECT name, boot_val, unit FROM pg_settings WHERE name = ANY ($1)"
_FILES = (
    "SELECT DISTINCT ON (name) name, setting, sourcefile LIKE '%postgresql.auto.conf' AS is_altered FROM pg_file_settings "
    "WHERE name = ANY ($1) AND error IS NULL ORDER BY name, seqno DESC"
)
_COMMAND_LINE = "SELECT pg_read_file('postmaster.opts')"
_OPTION = re.compile(r"(?:-c|--)?([\w-]+)=(.*)", re.DOTALL)
_UNIT = re.compile(r"(\d*)(\D+)")


@dataclass(frozen=True, slots=True)
class ServerValue:
    """A setting as the server has it; `source` is as `pg_settings` names it.

    Attributes:
        value: with its unit.
        is_altered: whether ALTER SYSTEM has set it.
    """

    value: str
    source: str
    is_altered: bool = False


async def server_values(raw: asyncpg.Connection[Any], names: Sequence[str]) -> dict[str, ServerValue | None]:
    """Return the server's own value of each of these settings that the role or database overrides.

    None where the role may not read the server's files (`pg_file_settings`, `postmaster.opts`): then it can't be known.
    """
    own = [row["name"] for row in await raw.fetch(_NAMES) if row["name"] in names]
    if not own:
        return {}
    defaults = {row["name"]: (row["boot_val"], row["unit"]) for row in await raw.fetch(_BOOT, own)}
    try:
        async with _tried(raw):
            filed = {row["name"]: row for row in await raw.fetch(_FILES, own)}
            given = options_of(await raw.fetchval(_COMMAND_LINE))
    except asyncpg.PostgresError:
        return dict.fromkeys(own)
    found: dict[str, ServerValue | None] = {}
    for name in own:
        boot, unit = defaults[name]
        if name in given:
            found[name] = ServerValue(with_unit(given[name], unit), "command line")
        elif name in filed:
            value, altered = with_unit(filed[name]["setting"], unit), bool(filed[name]["is_altered"])
            found[name] = ServerValue(value, "configuration file", altered)
        else:
            found[name] = ServerValue(with_unit(boot, unit), "default")
    return found


def options_of(command_line: str) -> dict[str, str]:
    """Return the settings that a server was started with."""
    words = shlex.split(command_line)
    found = (_OPTION.fullmatch(word) for word in words[1:])
    return {match[1].replace("-", "_"): match[2] for match in found if match is not None}


def with_unit(value: str, unit: str | None) -> str:
    """Return a value with its unit: a bare number counts units, which may be several at once (`8kB`)."""
    measure = _UNIT.fullmatch(unit or "")
    if measure is None or not value.lstrip("-").isdigit() or int(value) <= 0:
        return value
    return f"{int(value) * int(measure[1] or 1)}{measure[2]}"


@asynccontextmanager
async def _tried(raw: asyncpg.Connection[Any]) -> AsyncIterator[None]:
    """Let the transaction go on when what is tried is refused."""
    await raw.execute("SAVEPOINT dbmanager_tried")
    try:
        yield
    except asyncpg.PostgresError:
        await raw.execute("ROLLBACK TO SAVEPOINT dbmanager_tried")
        raise
