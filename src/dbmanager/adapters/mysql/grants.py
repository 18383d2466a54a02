"""What the connected account may do on its database, as the server itself lists it."""

from __future__ import annotations

import re

from dbmanager.adapters.mysql.wire import Wire

EVERYTHING = "ALL PRIVILEGES"
_GRANT = re.compile(r"GRANT (?P<rights>.+?) ON (?P<level>\*\.\*|`(?:[^`]|``)+`\.\*) TO ", re.DOTALL)


async def rights_on(raw: Wire, database: str) -> frozenset[str]:
    """Return the rights that hold on every table of the database, roles in force included; those on single tables are not."""
    found: set[str] = set()
    for row in await raw.fetch("SHOW GRANTS"):
        match = _GRANT.match(str(row[0]))
        if match is not None and _covers(match["level"], database):
            found.update(right.strip().upper() for right in match["rights"].split(","))
    return frozenset(found)


def has(rights: frozenset[str], right: str) -> bool:
    """Whether the right is among them, by itself or by all."""
    return right in rights or EVERYTHING in rights or "ALL" in rights


def _covers(level: str, database: str) -> bool:
    """Whether a level names the database: `_` and `%` stand for one character and any, unless a backslash is before."""
    if level == "*.*":
        return True
    name = level[1:-3].replace("``", "`")
    parts = re.findall(r"\\.|.", name, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    pattern = "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
    return re.fullmatch(pattern, database, re.DOTALL | re.IGNORECASE) is not None
