"""The one quoting function for SQL identifiers."""

from __future__ import annotations

from dbmanager.errors import InvalidStatement


def quote(*names: str | None, mark: str = '"') -> str:
    """Return a dotted identifier with every part quoted and the mark doubled; None parts are left out.

    Raises:
        InvalidStatement: a part is empty or holds a NUL, which no engine can name.
    """
    parts = [name for name in names if name is not None]
    for part in parts:
        if not part or "\0" in part:
            raise InvalidStatement("an identifier is empty or contains a NUL character", object_name=repr(part))
    return ".".join(mark + part.replace(mark, mark * 2) + mark for part in parts)
