"""Turns statements that someone wrote into change steps with inverse, probe and before-image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbmanager.adapters.facets import Adapter
from dbmanager.errors import InvalidStatement
from dbmanager.model.changes import ChangePlan, ChangeStep, Probe
from dbmanager.model.schema import DatabaseSchema, Table

if TYPE_CHECKING:
    from sqlglot import exp

_ADMINISTRATION = re.compile(
    r"\s*(GRANT|REVOKE|SECURITY\s+LABEL|REASSIGN\s+OWNED|ALTER\s+(SYSTEM|DATABASE|DEFAULT\s+PRIVILEGES)|SET\s+(GLOBAL|PERSIST)"
    r"|(CREATE|ALTER|DROP)\s+(ROLE|USER|GROUP|DATABASE|TABLESPACE|SERVER|EXTENSION|EVENT\s+TRIGGER|SUBSCRIPTION))\b",
    re.IGNORECASE,
)
"""Statements about roles, rights and the server rather than about one database's contents."""
_NO_TRANSACTION = ("CONCURRENTLY", "VACUUM", "ALTER SYSTEM", "CREATE DATABASE", "DROP DATABASE", "REINDEX DATABASE")


async def plan_statements(
    adapter: Adapter, connection: str, *, title: str, reason: str, steps: Sequence[tuple[str, str | None, str | None]]
) -> ChangePlan:
    """Return a plan over `(sql, inverse, title)` triples; what can't be undone is left without an inverse.

    Raises:
        InvalidStatement: a step is not one statement that this engine's grammar knows, or is a read.
    """
    schema = await adapter.catalog.read_schema()
    return ChangePlan(
        connection=connection,
        title=title,
        reason=reason,
        steps=tuple(_step(adapter, schema, sql.strip().rstrip(";"), inverse, name) for sql, inverse, name in steps),
        precondition=await adapter.catalog.fingerprint(),
    )


def _step(adapter: Adapter, schema: DatabaseSchema, sql: str, inverse: str | None, title: str | None) -> ChangeStep:
    from sqlglot import exp

    parsed = _parsed(adapter, sql)
    base = {"title": title or " ".join(sql.split())[:80], "statement": sql}
    if _ADMINISTRATION.match(_without_comments(sql)):
        base["access"] = "admin"
    upper = sql.upper()
    transactional = not any(word in upper for word in _NO_TRANSACTION)
    inverses = (inverse,) if inverse else ()
    if isinstance(parsed, exp.Update | exp.Delete):
        return _row_step(adapter, schema, parsed, base, inverses)
    if isinstance(parsed, exp.Create) and parsed.kind in ("INDEX", "TABLE"):
        return _create_step(adapter, schema, parsed, base, inverses, transactional)
    if isinstance(parsed, exp.Drop) and parsed.kind == "INDEX":
        return _drop_index_step(adapter, schema, parsed, base, inverses, transactional)
    risk = "high" if isinstance(parsed, exp.Drop | exp.TruncateTable) else "medium"
    return ChangeStep.model_validate(
        {**base, "risk": risk, "lock": "as the engine takes it", "inverse": inverses, "transactional": transactional}
    )


def _without_comments(sql: str) -> str:
    return re.sub(r"/\*.*?\*/|--[^\n]*\n?", " ", sql, flags=re.DOTALL)


def _parsed(adapter: Adapter, sql: str) -> exp.Expr | None:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = [item for item in sqlglot.parse(sql, dialect=adapter.dialect) if item is not None]
    except (SqlglotError, RecursionError):
        return None
    if len(parsed) != 1:
        raise InvalidStatement("a step holds exactly one statement", hint="Give each statement its own step.")
    if isinstance(parsed[0], exp.Query):
        raise InvalidStatement("a read is no change", hint="Run it as a query.", next_actions=("run_query",))
    return parsed[0]


def _row_step(
    adapter: Adapter, schema: DatabaseSchema, parsed: exp.Expr, base: dict[str, str], inverses: tuple[str, ...]
) -> ChangeStep:
    """UPDATE and DELETE keep the rows they will change, where the table has a key and the statement a plain WHERE."""
    target = parsed.this
    table = schema.find(target.name, target.db or None)
    if table is None:
        raise InvalidStatement(
            f"there is no table {target.name!r}", object_name=target.name, next_actions=("describe_schema",)
        )
    where = parsed.args.get("where")
    plain = not any(parsed.args.get(part) for part in ("from_", "from", "using", "with_", "with", "limit", "order"))
    image = None
    if table.primary_key is not None and plain and not inverses:
        condition = f" {where.sql(dialect=adapter.dialect)}" if where is not None else ""
        lock = " FOR UPDATE" if adapter.engine == "postgresql" else ""
        columns = ", ".join(adapter.emit.quote(c.name) for c in table.columns if c.generated is None)
        image = f"SELECT {columns} FROM {adapter.emit.quote(table.schema, table.name)}{condition}{lock}"  # noqa: S608
    return ChangeStep.model_validate(
        {
            **base,
            "risk": "medium" if where is not None else "high",
            "lock": "the rows changed",
            "inverse": inverses,
            "before_image": image,
            "payload": {"table": schema.display_name(table)},
        }
    )


def _create_step(
    adapter: Adapter,
    schema: DatabaseSchema,
    parsed: exp.Create,
    base: dict[str, str],
    inverses: tuple[str, ...],
    transactional: bool,
) -> ChangeStep:
    from sqlglot import exp

    named = parsed.this
    if parsed.kind == "INDEX" and isinstance(named, exp.Index) and named.name:
        on = named.args.get("table")
        table = schema.table(on.name, on.db or None) if on is not None else None
        if table is not None:
            probe, parameters = adapter.emit.index_exists_probe(table, named.name)
            undo = inverses or (f"DROP INDEX {adapter.emit.quote(table.schema, named.name)}",)
            return ChangeStep.model_validate(
                {
                    **base,
                    "lock": "writes wait" if transactional else "reads and writes go on",
                    "inverse": undo,
                    "transactional": transactional,
                    "postcondition": Probe(sql=probe, parameters=parameters, expected=1),
                }
            )
    target = named.this if isinstance(named, exp.Schema) else named
    if parsed.kind == "TABLE" and isinstance(target, exp.Table):
        made = Table(target.name, target.db or schema.default_schema, ())
        probe, parameters = adapter.emit.table_exists_probe(made)
        undo = inverses or (f"DROP TABLE {adapter.emit.quote(made.schema, made.name)}",)
        return ChangeStep.model_validate(
            {**base, "inverse": undo, "postcondition": Probe(sql=probe, parameters=parameters, expected=1)}
        )
    return ChangeStep.model_validate({**base, "inverse": inverses, "transactional": transactional, "risk": "medium"})


def _drop_index_step(
    adapter: Adapter,
    schema: DatabaseSchema,
    parsed: exp.Drop,
    base: dict[str, str],
    inverses: tuple[str, ...],
    transactional: bool,
) -> ChangeStep:
    name = parsed.this.name
    for table in schema.tables:
        for index in table.indexes:
            if index.name == name:
                probe, parameters = adapter.emit.index_exists_probe(table, name)
                undo = inverses or adapter.emit.drop_index(table, index).inverse
                return ChangeStep.model_validate(
                    {
                        **base,
                        "lock": "writes wait" if transactional else "reads and writes go on",
                        "inverse": undo,
                        "transactional": transactional,
                        "postcondition": Probe(sql=probe, parameters=parameters, expected=0),
                    }
                )
    raise InvalidStatement(f"there is no index {name!r}", object_name=name, next_actions=("describe_schema",))
