"""Turns an SQL statement that someone wrote into a change step with inverse, probe and before-image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from dbmanager.adapters.facets import Emission
from dbmanager.errors import InvalidStatement
from dbmanager.model.changes import ChangeStep, Probe
from dbmanager.model.placeholders import spaced
from dbmanager.model.queries import Scalar
from dbmanager.model.schema import DatabaseSchema, Index, Table

if TYPE_CHECKING:
    from sqlglot import exp

_ADMINISTRATION = re.compile(
    r"\s*(GRANT|REVOKE|SECURITY\s+LABEL|REASSIGN\s+OWNED|ALTER\s+(SYSTEM|DATABASE|DEFAULT\s+PRIVILEGES)|SET\s+(GLOBAL|PERSIST)"
    r"|(CREATE|ALTER|DROP)\s+(ROLE|USER|GROUP|DATABASE|TABLESPACE|SERVER|EXTENSION|EVENT\s+TRIGGER|SUBSCRIPTION))\b",
    re.IGNORECASE,
)
"""Statements about roles, rights and the server rather than about one database's contents."""
_NO_TRANSACTION = (
    "CONCURRENTLY",
    "VACUUM",
    "ALTER SYSTEM",
    "CREATE DATABASE",
    "DROP DATABASE",
    "REINDEX DATABASE",
    "PRAGMA JOURNAL_MODE",
)


class SqlEmit(Protocol):
    """What an SQL engine's `Emit` facet offers to this module."""

    dialect: str
    row_lock: str
    """What locks the rows that a SELECT reads, with a leading space; empty where the whole database is locked."""

    def quote(self, *names: str | None) -> str:
        """Return a quoted, dotted identifier; None parts are left out."""
        ...

    def drop_index_statement(self, table: Table, name: str) -> str:
        """Return the statement that drops an index by name."""
        ...

    def drop_index(self, table: Table, index: Index, *, online: bool = False) -> Emission:
        """Emit the drop, with the index's re-creation as inverse."""
        ...

    def index_exists_probe(self, table: Table, index_name: str) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query and its parameters giving 1 while the index exists, else 0."""
        ...

    def table_exists_probe(self, table: Table) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query and its parameters giving 1 while the table exists, else 0."""
        ...


def sql_change_step(
    emit: SqlEmit, schema: DatabaseSchema, statement: str, inverse: str | None, title: str | None
) -> ChangeStep:
    """Return the step of one SQL statement; what can't be undone is left without an inverse.

    Raises:
        InvalidStatement: it is not one statement, is a read, or names a table or index that is not there.
    """
    from sqlglot import exp

    sql = statement.strip().rstrip(";")
    parsed = _parsed(emit, sql)
    base = {"title": title or " ".join(sql.split())[:80], "statement": sql}
    if _ADMINISTRATION.match(_without_comments(sql)):
        base["access"] = "admin"
    upper = sql.upper()
    transactional = not any(word in upper for word in _NO_TRANSACTION)
    inverses = (inverse,) if inverse else ()
    if isinstance(parsed, exp.Update | exp.Delete):
        return _row_step(emit, schema, parsed, base, inverses)
    if isinstance(parsed, exp.Create) and parsed.kind in ("INDEX", "TABLE", "VIEW"):
        return _create_step(emit, schema, parsed, base, inverses, transactional)
    if isinstance(parsed, exp.Drop) and parsed.kind == "INDEX":
        return _drop_index_step(emit, schema, parsed, base, inverses, transactional)
    risk = "high" if isinstance(parsed, exp.Drop | exp.TruncateTable) else "medium"
    return ChangeStep.model_validate(
        {**base, "risk": risk, "lock": "as the engine takes it", "inverse": inverses, "transactional": transactional}
    )


def _without_comments(sql: str) -> str:
    return re.sub(r"/\*.*?\*/|--[^\n]*\n?", " ", sql, flags=re.DOTALL)


def _parsed(emit: SqlEmit, sql: str) -> exp.Expr | None:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = [item for item in sqlglot.parse(spaced(sql, emit.dialect), dialect=emit.dialect) if item is not None]
    except (SqlglotError, RecursionError):
        return None
    if len(parsed) != 1:
        raise InvalidStatement("a step holds exactly one statement", hint="Give each statement its own step.")
    if isinstance(parsed[0], exp.Query):
        raise InvalidStatement("a read is no change", hint="Run it as a query.", next_actions=("run_query",))
    return parsed[0]


def _row_step(
    emit: SqlEmit, schema: DatabaseSchema, parsed: exp.Expr, base: dict[str, str], inverses: tuple[str, ...]
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
        condition = f" {where.sql(dialect=emit.dialect)}" if where is not None else ""
        columns = ", ".join(emit.quote(c.name) for c in table.columns if c.generated is None)
        image = f"SELECT {columns} FROM {emit.quote(table.schema, table.name)}{condition}{emit.row_lock}"  # noqa: S608
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
    emit: SqlEmit,
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
            probe, parameters = emit.index_exists_probe(table, named.name)
            undo = inverses or (emit.drop_index_statement(table, named.name),)
            return ChangeStep.model_validate(
                {
                    **base,
                    "lock": "writes wait" if transactional else "reads and writes go on",
                    "inverse": undo,
                    "transactional": transactional,
                    "postcondition": Probe(statement=probe, parameters=parameters, expected=1),
                }
            )
    target = named.this if isinstance(named, exp.Schema) else named
    if parsed.kind == "TABLE" and isinstance(target, exp.Table):
        made = Table(target.name, target.db or schema.default_schema, ())
        probe, parameters = emit.table_exists_probe(made)
        undo = inverses or (f"DROP TABLE {emit.quote(made.schema, made.name)}",)
        return ChangeStep.model_validate(
            {
                **base,
                "inverse": undo,
                "postcondition": Probe(statement=probe, parameters=parameters, expected=1),
                "payload": {"makes": [made.schema, made.name]},
            }
        )
    made_of: dict[str, object] = {}
    if parsed.kind == "VIEW" and isinstance(target, exp.Table) and not parsed.args.get("replace"):
        kind = "MATERIALIZED VIEW" if parsed.find(exp.MaterializedProperty) else "VIEW"
        schema_name = target.db or schema.default_schema
        inverses = inverses or (f"DROP {kind} {emit.quote(schema_name, target.name)}",)
        made_of = {"payload": {"makes": [schema_name, target.name]}}
    return ChangeStep.model_validate(
        {**base, "inverse": inverses, "transactional": transactional, "risk": "medium", **made_of}
    )


def _drop_index_step(
    emit: SqlEmit,
    schema: DatabaseSchema,
    parsed: exp.Drop,
    base: dict[str, str],
    inverses: tuple[str, ...],
    transactional: bool,
) -> ChangeStep:
    named = [parsed.this] if parsed.this is not None else parsed.args.get("tables") or []
    if len(named) != 1:
        raise InvalidStatement("a step drops one index", hint="Give each index its own step.")
    name = named[0].name
    for table in schema.tables:
        for index in table.indexes:
            if index.name == name:
                probe, parameters = emit.index_exists_probe(table, name)
                undo = inverses or emit.drop_index(table, index).inverse
                return ChangeStep.model_validate(
                    {
                        **base,
                        "lock": "writes wait" if transactional else "reads and writes go on",
                        "inverse": undo,
                        "transactional": transactional,
                        "postcondition": Probe(statement=probe, parameters=parameters, expected=0),
                    }
                )
    raise InvalidStatement(f"there is no index {name!r}", object_name=name, next_actions=("describe_schema",))
