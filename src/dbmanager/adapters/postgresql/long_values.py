"""Cuts long values on the server, so that one value of many megabytes is never sent.

The model's statement becomes a subquery behind a fence (`OFFSET 0`), its columns renamed; a column whose type has no
small fixed size leaves twice: whole where it is short, else as the beginning of its text.
"""

from __future__ import annotations

from collections.abc import Sequence

from dbmanager.model.placeholders import colons

SMALL_TYPES = frozenset(
    "int2 int4 int8 float4 float8 bool date time timetz timestamp timestamptz interval oid uuid name char money numeric "
    "inet cidr macaddr macaddr8 xid cid tid pg_lsn".split()
)
"""Types whose values are short whatever they hold (numeric has 131,072 digits at most)."""


def cut_statement(sql: str, types: Sequence[str], max_bytes: int) -> str | None:
    """Return the statement that sends at most `max_bytes` of each value, None when its types are all small.

    Args:
        sql: one statement that reads; what follows its last token is left out.
        types: the type of each column, as the server names it.
        max_bytes: longer texts are cut to one character more than that, so that the cut can be told.
    """
    long = [number for number, name in enumerate(types) if name not in SMALL_TYPES]
    if not long:
        return None
    names = ", ".join(f"c{number}" for number in range(len(types)))
    text = "octet_length(c{0}::text) {1} {2}"
    whole = [
        f"CASE WHEN {text.format(n, '<=', max_bytes)} THEN c{n} END" if n in long else f"c{n}"
        for n in range(len(types))
    ]
    cut = [f"CASE WHEN {text.format(n, '>', max_bytes)} THEN left(c{n}::text, {max_bytes + 1}) END" for n in long]
    fenced = f"SELECT * FROM ({_bare(sql)}\n) AS asked OFFSET 0"  # noqa: S608 - the statement that the gate let pass
    return f"SELECT {', '.join([*whole, *cut])} FROM ({fenced}) AS dbmanager_cut({names})"  # noqa: S608 - as above


def joined(values: Sequence[object], types: Sequence[str]) -> list[object]:
    """Return a row of the cut statement as a row of the asked one."""
    row = list(values[: len(types)])
    long = [number for number, name in enumerate(types) if name not in SMALL_TYPES]
    for number, beginning in zip(long, values[len(types) :], strict=True):
        if beginning is not None:
            row[number] = beginning
    return row


def _bare(sql: str) -> str:
    """Return the statement without a final semicolon and the comments around it."""
    import sqlglot
    from sqlglot.tokenizer_core import TokenType

    tokens = sqlglot.tokenize(colons(sql, "postgres"), dialect="postgres")
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    return sql[: tokens[-1].end + 1] if tokens else sql
