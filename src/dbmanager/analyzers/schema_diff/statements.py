"""Says what each statement of a design is about, so that those of one table can be carried out together."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dbmanager.errors import InvalidStatement
from dbmanager.model.placeholders import spaced
from dbmanager.model.table_tails import without_tail

if TYPE_CHECKING:
    from sqlglot import exp

Sort = Literal["schema", "table", "index", "alter", "reference", "view", "comment"]
_COMMANDS: dict[str, Sort] = {"create": "table", "createIndexes": "index", "collMod": "alter"}
_CREATED: dict[str, Sort] = {"TABLE": "table", "INDEX": "index", "VIEW": "view", "SCHEMA": "schema"}


@dataclass(frozen=True, slots=True)
class DesignStatement:
    """A statement of a design.

    Attributes:
        sort: what it makes; `alter` is any other ALTER TABLE, `reference` one that adds nothing but references.
        name: of the table, view or schema that it is about; an index is about its table.
        refers: tables that it refers to, each with its schema.
        columns: of each reference that it adds, folded to lower case.
        written: the name as the statement wrote it.
    """

    text: str
    sort: Sort
    name: str
    schema: str | None = None
    refers: tuple[tuple[str | None, str], ...] = ()
    columns: tuple[tuple[str, ...], ...] = ()
    written: str = ""


def understood(statement: str, dialect: str) -> DesignStatement:
    """Return what a statement is about.

    Raises: InvalidStatement when it makes no part of a design.
    """
    text = statement.strip().rstrip(";").strip()
    return _command(text) if dialect == "mongodb" else _sql(text, dialect)


def _command(text: str) -> DesignStatement:
    document = json.loads(text)
    word = next(iter(document), "")
    if word not in _COMMANDS:
        raise _no_part(text)
    return DesignStatement(text, _COMMANDS[word], str(document[word]))


def _sql(text: str, dialect: str) -> DesignStatement:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = [
            one
            for one in sqlglot.parse(without_tail(spaced(text, dialect), dialect), dialect=dialect)
            if one is not None
        ]
    except (SqlglotError, RecursionError):
        raise _no_part(text) from None
    if len(parsed) != 1:
        raise InvalidStatement("each statement of a design is given on its own", object_name=_short(text))
    statement = parsed[0]
    if isinstance(statement, exp.Create) and statement.kind in _CREATED:
        return _created(text, statement, dialect)
    if isinstance(statement, exp.Alter) and isinstance(statement.this, exp.Table):
        actions = statement.args.get("actions") or []
        only = bool(actions) and all(_adds_reference(action) for action in actions)
        return _about(text, "reference" if only else "alter", statement.this, statement, dialect)
    if isinstance(statement, exp.Comment):
        table = statement.this.find(exp.Table) or statement.this
        if isinstance(table, exp.Column) and table.args.get("table") is not None:
            return DesignStatement(text, "comment", table.table, table.db or None)
        return DesignStatement(text, "comment", table.name, getattr(table, "db", "") or None)
    raise _no_part(text)


def _created(text: str, statement: exp.Create, dialect: str) -> DesignStatement:
    from sqlglot import exp

    sort, made = _CREATED[str(statement.kind)], statement.this
    if sort == "index" and isinstance(made, exp.Index):
        return _about(text, sort, made.args["table"], statement, dialect)
    named = made.this if isinstance(made, exp.Schema) else made
    whole = statement.find(exp.PartitionedOfProperty)
    if whole is not None:
        return _about(text, "alter", whole.this, statement, dialect)
    if sort == "schema":
        return DesignStatement(text, sort, named.db or named.name)
    return _about(text, sort, named, statement, dialect)


def _about(text: str, sort: Sort, table: exp.Expr, statement: exp.Expr, dialect: str) -> DesignStatement:
    from sqlglot import exp

    referred = [found.find(exp.Table) for found in statement.find_all(exp.Reference)]
    refers = tuple((one.db or None, one.name) for one in referred if one is not None)
    columns = tuple(
        tuple(column.name.casefold() for column in key.expressions) for key in statement.find_all(exp.ForeignKey)
    )
    return DesignStatement(
        text, sort, table.name, getattr(table, "db", "") or None, refers, columns, table.sql(dialect=dialect)
    )


def _adds_reference(action: exp.Expr) -> bool:
    from sqlglot import exp

    return isinstance(action, exp.AddConstraint) and all(
        one.find(exp.ForeignKey) is not None for one in action.expressions
    )


def _no_part(text: str) -> InvalidStatement:
    return InvalidStatement(
        "the statement makes no part of a design", object_name=_short(text),
        hint="A design is CREATE TABLE, CREATE INDEX, CREATE VIEW, CREATE SCHEMA and ALTER TABLE ... ADD in the engine's "
        "SQL, or create, createIndexes and collMod of MongoDB. Functions, triggers, types and rows: propose_change.",
    )  # fmt: skip


def _short(text: str) -> str:
    return " ".join(text.split())[:80]
