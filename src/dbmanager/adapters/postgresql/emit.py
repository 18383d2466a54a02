"""PostgreSQL DDL from the schema model."""

from __future__ import annotations

import re
from dataclasses import replace

from dbmanager.adapters.facets import Emission, Hiding, TypeMapping, Unsupported
from dbmanager.adapters.postgresql.alter import alter_table, changes_values
from dbmanager.adapters.postgresql.special_indexes import special_index
from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sql.steps import sql_change_step
from dbmanager.adapters.sql.untranslated import check_of, default_of, generated
from dbmanager.model.changes import ChangeStep
from dbmanager.model.indexing import IndexMeans, SearchKind
from dbmanager.model.queries import Scalar
from dbmanager.model.schema import (
    Column,
    DatabaseSchema,
    DataType,
    ForeignKey,
    Index,
    PrimaryKey,
    Table,
    TypeKind,
    UniqueConstraint,
)
from dbmanager.model.schema_difference import TableDifference

_INTEGERS = {16: "smallint", 32: "integer", 64: "bigint"}
_UNSIGNED = {16: "integer", 32: "bigint", 64: "numeric(20)"}
"""What holds the integers of engines that have unsigned ones."""
_LITERAL = re.compile(r"^(NULL|TRUE|FALSE|CURRENT_(TIME|DATE|TIMESTAMP)|[-+]?\d+(\.\d+)?|'(?:[^']|'')*')$", re.I)


class PostgresEmit:
    """The `Emit` facet."""

    dialect = "postgres"
    row_lock = " FOR UPDATE"
    has_schemas = True
    references_inline = False
    index_means = IndexMeans(include=True, partial=True, expressions=True)

    def change_step(
        self, schema: DatabaseSchema, statement: str, *, inverse: str | None = None, title: str | None = None
    ) -> ChangeStep:
        """Return the step of one SQL statement."""
        return sql_change_step(self, schema, statement, inverse, title)

    def drop_index_statement(self, table: Table, name: str) -> str:
        """Return the statement that drops an index by name."""
        return f"DROP INDEX {self.quote(table.schema, name)}"

    def quote(self, *names: str | None) -> str:
        """Return a quoted, dotted identifier."""
        return quote(*names)

    def map_type(self, type_: DataType) -> TypeMapping:
        """Say how PostgreSQL holds a type of another engine."""
        kind = type_.kind
        if kind is TypeKind.INTEGER:
            bits = type_.bits or 64
            return TypeMapping("representable", (_UNSIGNED if type_.unsigned else _INTEGERS).get(bits, "bigint"))
        if kind is TypeKind.DECIMAL:
            size = f"({type_.precision}, {type_.scale or 0})" if type_.precision else ""
            return TypeMapping("representable", f"numeric{size}")
        if kind is TypeKind.TEXT:
            return TypeMapping("representable", f"varchar({type_.length})" if type_.length else "text")
        if kind is TypeKind.TIMESTAMP:
            return TypeMapping("representable", "timestamptz" if type_.with_time_zone else "timestamp")
        if kind is TypeKind.ENUM:
            return TypeMapping("emulated", "text", "the values are not enforced")
        if kind is TypeKind.ARRAY:
            return TypeMapping("emulated", "jsonb", "kept as a JSON array")
        plain = {
            TypeKind.FLOAT: "real" if type_.bits == 32 else "double precision",
            TypeKind.BOOLEAN: "boolean",
            TypeKind.BINARY: "bytea",
            TypeKind.DATE: "date",
            TypeKind.TIME: "timetz" if type_.with_time_zone else "time",
            TypeKind.INTERVAL: "interval",
            TypeKind.UUID: "uuid",
            TypeKind.JSON: "jsonb",
            TypeKind.NETWORK: "inet",
        }.get(kind)
        if plain is not None:
            return TypeMapping("representable", plain)
        return TypeMapping("emulated", "text", f"{type_.native or 'a value of any type'} is kept as text")

    def create_table(self, table: Table, *, source_engine: str, with_foreign_keys: bool = True) -> Emission:
        """Emit the table with its keys, unique constraints and checks."""
        native = source_engine == "postgresql"
        records: list[tuple[str, TypeMapping]] = []
        lines = [self._column(column, native, records) for column in table.columns]
        if table.primary_key:
            name = f"CONSTRAINT {quote(table.primary_key.name)} " if native and table.primary_key.name else ""
            lines.append(
                f"{name}PRIMARY KEY ({', '.join(map(quote, table.primary_key.columns))}){_after(table.primary_key)}"
            )
        for unique in table.uniques:
            name = f"CONSTRAINT {quote(unique.name)} " if native and unique.name else ""
            nulls = " NULLS NOT DISTINCT" if unique.nulls_not_distinct else ""
            lines.append(f"{name}UNIQUE{nulls} ({', '.join(map(quote, unique.columns))}){_after(unique)}")
        for check in table.checks:
            if native:
                lines.append((f"CONSTRAINT {quote(check.name)} " if check.name else "") + f"CHECK ({check.expression})")
            else:
                records.append(check_of(source_engine, check))
        if with_foreign_keys:
            lines += [_reference(key) for key in table.foreign_keys]
        where = quote(table.schema, table.name)
        partitioned = f" PARTITION BY {table.partition_key}" if native and table.partition_key else ""
        body = ",\n  ".join(lines)
        return Emission(
            (f"CREATE TABLE {where} (\n  {body}\n){partitioned}",), (f"DROP TABLE {where}",), tuple(records)
        )

    def _column(self, column: Column, native: bool, records: list[tuple[str, TypeMapping]]) -> str:
        mapping = self.map_type(column.type)
        if not native and mapping.status != "representable":
            records.append((column.name, mapping))
        parts = [quote(column.name), column.type.native if native else mapping.sql]
        if not column.nullable:
            parts.append("NOT NULL")
        if column.identity is not None:
            parts.append(f"GENERATED {column.identity.upper()} AS IDENTITY")
        elif column.generated is not None and native:
            parts.append(f"GENERATED ALWAYS AS ({column.generated}) STORED")
        elif column.generated is not None:
            records.append(generated(column))
        elif column.default is not None:
            if native or _LITERAL.match(column.default):
                parts.append(f"DEFAULT {column.default}")
            else:
                records.append(default_of(column))
        return " ".join(parts)

    def create_index(self, table: Table, index: Index, *, online: bool = False) -> Emission:
        """Emit the index; online it is built CONCURRENTLY, outside a transaction."""
        keys = [(k.name if k.is_expression else quote(k.name)) + (" DESC" if k.descending else "") for k in index.keys]
        include = f" INCLUDE ({', '.join(map(quote, index.include))})" if index.include else ""
        where = f" WHERE {index.where}" if index.where else ""
        method = f" USING {index.method}" if index.method != "btree" else ""
        how = f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {'CONCURRENTLY ' if online else ''}"
        on = quote(table.schema, table.name)
        statement = f"{how}{quote(index.name)} ON {on}{method} ({', '.join(keys)}){include}{where}"
        return Emission((statement,), (self._drop(table, index, online),))

    def drop_index(self, table: Table, index: Index, *, online: bool = False) -> Emission:
        """Emit the drop; the inverse is the index as the server writes it."""
        again = index.definition or self.create_index(table, index).statements[0]
        if online:
            again = re.sub(r"^CREATE (UNIQUE )?INDEX ", r"CREATE \1INDEX CONCURRENTLY ", again).replace("\\1", "")
        return Emission((self._drop(table, index, online),), (again,))

    def _drop(self, table: Table, index: Index, online: bool) -> str:
        return f"DROP INDEX {'CONCURRENTLY ' if online else ''}{quote(table.schema, index.name)}"

    def special_index(
        self, table: Table, column: str, kind: SearchKind, expression: str | None = None
    ) -> Index | Unsupported:
        """Return a GIN, GiST or BRIN index; what-if can't cost the first two."""
        return special_index(table, column, kind, expression)

    def hide_index(self, table: Table, index: Index) -> Hiding | Unsupported:
        """Say that it can't be done."""
        return Unsupported("PostgreSQL has no hidden indexes")

    def add_foreign_key(self, table: Table, key: ForeignKey) -> Emission | Unsupported:
        """Emit the reference; it is checked over all rows when it is added."""
        name = key.name or f"{table.name}_{'_'.join(key.columns)}_fkey"[:63]
        on = quote(table.schema, table.name)
        body = _reference(replace(key, name=name))
        return Emission((f"ALTER TABLE {on} ADD {body}",), (f"ALTER TABLE {on} DROP CONSTRAINT {quote(name)}",))

    def alter_table(self, difference: TableDifference) -> Emission | Unsupported:
        """Emit one ALTER TABLE."""
        return alter_table(difference, lambda column: self._column(column, True, []))

    def changes_values(self, before: Column, after: Column) -> str | None:
        """Return the condition of a value that does not come back as it was."""
        return changes_values(before, after)

    def index_exists_probe(self, table: Table, index_name: str) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query giving 1 while a valid index of that name exists."""
        return (
            "SELECT count(*) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE x.indisvalid AND i.relname = $1 AND c.relname = $2 "
            "AND n.nspname = coalesce($3, current_schema())",
            (index_name, table.name, table.schema),
        )

    def table_exists_probe(self, table: Table) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query giving 1 while the table exists."""
        return (
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p') AND c.relname = $1 AND n.nspname = coalesce($2, current_schema())",
            (table.name, table.schema),
        )

    def create_schema(self, name: str) -> Emission | Unsupported:
        """Return CREATE SCHEMA; its inverse drops the schema only when empty."""
        return Emission((f"CREATE SCHEMA {quote(name)}",), (f"DROP SCHEMA {quote(name)}",))

    def schema_exists_probe(self, name: str) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query giving 1 while the schema exists."""
        return "SELECT count(*) FROM pg_namespace WHERE nspname = $1", (name,)


def _after(key: PrimaryKey | UniqueConstraint) -> str:
    return f" {key.words}" if key.words else ""


def _reference(key: ForeignKey) -> str:
    name = f"CONSTRAINT {quote(key.name)} " if key.name else ""
    referred = f"{quote(key.referred_schema, key.referred_table)} ({', '.join(map(quote, key.referred_columns))})"
    actions = "".join(
        f" ON {event} {action}"
        for event, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update))
        if action != "NO ACTION"
    )
    matched = " MATCH FULL" if key.match_full else ""
    deferred = " DEFERRABLE" if key.deferrable else ""
    deferred += " INITIALLY DEFERRED" if key.initially_deferred else ""
    columns = ", ".join(map(quote, key.columns))
    return f"{name}FOREIGN KEY ({columns}) REFERENCES {referred}{matched}{actions}{deferred}"
