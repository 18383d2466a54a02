"""What every SQL engine asks of rows before it changes them: a key that tells them apart, and not too many."""

from __future__ import annotations

from dbmanager.errors import ResourceExhausted, UnsupportedCapability
from dbmanager.model.schema import Table


def key_of(table: Table) -> tuple[str, ...]:
    """Return the columns of the primary key.

    Raises: UnsupportedCapability when there is none.
    """
    if table.primary_key is None:
        raise UnsupportedCapability("rows of a table without a primary key can't be told apart", object_name=table.name)
    return table.primary_key.columns


def refuse_more(rows: int, max_rows: int) -> None:
    """Refuse a statement that would change more rows than are kept.

    Raises: ResourceExhausted.
    """
    if rows > max_rows:
        raise ResourceExhausted(
            f"the statement would change more than {max_rows} rows",
            hint="Split it into ranges of the key; nothing was changed.",
        )
