"""What of a database the account may dump: the rest is left out and named, so that the dump itself does not fail."""

from __future__ import annotations

from dataclasses import dataclass

from dbmanager.adapters.mysql.errors import DENIED
from dbmanager.adapters.mysql.grants import has, rights_on
from dbmanager.adapters.mysql.tables import name_of
from dbmanager.adapters.mysql.wire import DriverError, Wire

_TABLES = "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1"
_BODILESS = "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_DEFINITION IS NULL"


@dataclass(frozen=True, slots=True)
class DumpScope:
    """Arguments of the dump program, and what they leave out, each with the right that is missing."""

    arguments: tuple[str, ...]
    losses: tuple[str, ...]


async def dump_scope(raw: Wire, database: str) -> DumpScope:
    """Return what the account may dump; objects are asked for one by one only where no right covers them all."""
    rights = await rights_on(raw, database)
    arguments, losses = [], []
    for option, right, what in (("events", "EVENT", "events"), ("triggers", "TRIGGER", "triggers")):
        arguments.append(f"--{option}" if has(rights, right) else f"--skip-{option}")
        if not has(rights, right):
            losses.append(f"{what}: the account lacks {right} on the database")
    hidden = [str(row[0]) for row in await raw.fetch(_BODILESS)]
    arguments.append("--skip-routines" if hidden else "--routines")
    if hidden:
        losses.append(f"routines: the account may not read the body of {', '.join(hidden[:5])}")
    elif not has(rights, "EXECUTE") and not has(rights, "SHOW_ROUTINE"):
        losses.append("routines: the account lacks EXECUTE on the database and sees none but its own")
    if not (has(rights, "SELECT") and has(rights, "SHOW VIEW")):
        for name, kind in await raw.fetch(_TABLES):
            if not await _readable(raw, str(name)):
                arguments.append(f"--ignore-table={database}.{name}")
                losses.append(f"{'view' if kind == 'VIEW' else 'table'} {name}: the account may not read it")
    return DumpScope(tuple(arguments), tuple(losses))


async def _readable(raw: Wire, name: str) -> bool:
    """Whether both the definition and the rows are open; asks for no row."""
    try:
        await raw.fetch(f"SHOW CREATE TABLE {name_of(name)}")
        await raw.fetch(f"SELECT * FROM {name_of(name)} LIMIT 0")  # noqa: S608 - quoted
    except DriverError as problem:
        if problem.args[0] in DENIED:
            return False
        raise
    return True
