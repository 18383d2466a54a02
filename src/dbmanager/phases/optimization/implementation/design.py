"""Takes a design from its statements: run on an empty throw-away database and read back by the engine's own catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dbmanager.adapters.facets import Adapter, Emit, Statement, Unsupported, need
from dbmanager.analyzers.schema_diff.statements import DesignStatement, understood
from dbmanager.errors import DbManagerError, InvalidStatement
from dbmanager.model.schema import DatabaseSchema, Table
from dbmanager.services.scratch import Budget, ScratchDatabase, Scratches

MOST_STATEMENTS = 1_000
BUDGET = Budget(rows=0, bytes=1_000_000_000, seconds=120.0)
STATEMENT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Design:
    """A design as the engine understood it.

    Attributes:
        statements: in the order given.
        tables: what they make, in the target's schemas, as the engine's catalog reads it.
        schema: the whole model, for those who judge it.
    """

    statements: tuple[DesignStatement, ...]
    tables: tuple[Table, ...]
    schema: DatabaseSchema

    def of(self, table: Table) -> tuple[DesignStatement, ...]:
        """Return the statements about a table."""
        return tuple(one for one in self.statements if _is(one, table, self.schema.default_schema))


async def tried_design(
    scratches: Scratches, connection: str, adapter: Adapter, texts: Sequence[str], present: DatabaseSchema
) -> Design:
    """Run a design's statements on an empty scratch database of the same engine and return what came of them.

    Tables of the target that the design refers to without making them are made there first, empty.

    Raises:
        InvalidStatement: a statement is no part of a design, or could reach beyond the scratch database.
        UnsupportedCapability: there can be no scratch database, so nothing is proved.
        DbManagerError: the engine refused a statement.
    """
    facet, emit = need(adapter.scratch, connection), need(adapter.emit, connection)
    statements = tuple(understood(text, adapter.dialect) for text in texts)
    for number, one in enumerate(statements, 1):
        if (why := facet.beyond(one.text)) is not None:
            raise InvalidStatement(
                f"statement {number} of the design is not tried: {why}", object_name=one.name,
                hint="Write plain statements about tables, indexes and views of this one database, without comments.",
            )  # fmt: skip
    context = _context(statements, present)
    async with scratches.made(connection, adapter, "nothing", budget=BUDGET) as copy:
        default = (await copy.adapter.catalog.read_schema()).default_schema  # a design may make another one the default
        for table in context:
            await _create(copy, emit, table, adapter.engine)
        for number, one in enumerate(statements, 1):
            await _run(copy, one.text, f"statement {number} of the design", one.name)
        found = await copy.adapter.catalog.read_schema()
    return _design(statements, replace(found, default_schema=default), present)


def _design(statements: tuple[DesignStatement, ...], found: DatabaseSchema, present: DatabaseSchema) -> Design:
    made = [one for one in statements if one.sort == "table"]
    tables = [
        _landed(t, found, present)
        for t in found.base_tables()
        if any(_is(one, t, found.default_schema) for one in made)
    ]
    strangers = [
        one
        for one in statements
        if one.sort not in ("table", "view", "schema") and not any(_is(one, t, present.default_schema) for t in tables)
    ]
    if strangers:
        raise InvalidStatement(
            f"the design alters {strangers[0].name!r} without making it", object_name=strangers[0].name,
            hint="Give the whole CREATE TABLE of every table that the design is about; what differs is found for you.",
        )  # fmt: skip
    schema = replace(found, tables=tuple(tables), default_schema=present.default_schema)
    return Design(statements, tuple(tables), schema)


def _landed(table: Table, found: DatabaseSchema, present: DatabaseSchema) -> Table:
    """Return the table in the target's own default schema where it stands in the scratch database's."""
    if found.default_schema == present.default_schema:
        return table

    def moved(schema: str | None) -> str | None:
        return present.default_schema if schema == found.default_schema else schema

    keys = tuple(replace(key, referred_schema=moved(key.referred_schema)) for key in table.foreign_keys)
    return replace(table, schema=moved(table.schema), foreign_keys=keys)


def _is(statement: DesignStatement, table: Table, default_schema: str | None) -> bool:
    """Whether a statement is about the table; names are compared without case, as most engines fold them."""
    schema = statement.schema or default_schema
    same = statement.name.casefold() == table.name.casefold()
    return same and (schema is None or table.schema is None or schema.casefold() == table.schema.casefold())


def _context(statements: Sequence[DesignStatement], present: DatabaseSchema) -> list[Table]:
    """Return the present tables that the design refers to and doesn't make, those that they refer to first."""
    made = {one.name.casefold() for one in statements if one.sort == "table"}
    context: dict[str, Table] = {}

    def add(schema: str | None, name: str) -> None:
        table = present.find(name, schema) or next(
            (t for t in present.base_tables() if t.name.casefold() == name.casefold()), None
        )
        if table is None or table.name.casefold() in made or table.name in context:
            return
        context[table.name] = replace(table, foreign_keys=(), triggers=())

    for one in statements:
        for schema, name in one.refers:
            add(schema, name)
    return list(context.values())


async def _create(copy: ScratchDatabase, emit: Emit, table: Table, engine: str) -> None:
    if emit.has_schemas and table.schema is not None:
        made = emit.create_schema(table.schema)
        probe, parameters = emit.schema_exists_probe(table.schema)
        if not isinstance(made, Unsupported) and not (await copy.adapter.query.fetch(probe, parameters))[0][0]:
            await _run(copy, made.statements[0], f"the schema of {table.name}", table.schema)
    what = f"{table.name}, which the design refers to,"
    for text in emit.create_table(table, source_engine=engine).statements:
        await _run(copy, text, what, table.name)
    for index in table.indexes:
        if index.unique and not index.backs_constraint:
            for text in emit.create_index(table, index).statements:
                await _run(copy, text, what, table.name)


async def _run(copy: ScratchDatabase, text: str, what: str, name: str) -> None:
    try:
        await copy.adapter.execute.execute(
            [Statement(text)], atomic=True, lock_timeout_seconds=5, timeout_seconds=STATEMENT_SECONDS
        )
    except DbManagerError as problem:
        problem.message = f"{what} can't run on this engine: {problem.message}"
        problem.args = (problem.message,)
        problem.object_name = problem.object_name or name
        raise
