"""The engine-neutral description of a database: every catalog reads into it, every emitter writes from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from dbmanager.errors import NotFound


class TypeKind(StrEnum):
    """What family of values a column holds."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    BOOLEAN = "boolean"
    TEXT = "text"
    BINARY = "binary"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    INTERVAL = "interval"
    UUID = "uuid"
    JSON = "json"
    ENUM = "enum"
    ARRAY = "array"
    NETWORK = "network"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class DataType:
    """A column's type: the family, its measures, and the engine's own spelling.

    Attributes:
        native: the engine's spelling, e.g. `character varying(80)`; never parsed by other engines.
        bits: width of integers and floats; None when the engine does not limit it.
        length: maximum characters (text) or bytes (binary); None when unlimited.
        with_time_zone: for times and timestamps; None elsewhere or unknown.
        unsigned: whether an integer's range begins at 0 and goes twice as far.
    """

    kind: TypeKind
    native: str
    bits: int | None = None
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    with_time_zone: bool | None = None
    element: DataType | None = None
    enum_values: tuple[str, ...] = ()
    unsigned: bool = False

    @property
    def largest_integer(self) -> int | None:
        """The largest value of an integer of limited width; None of every other type."""
        if self.kind is not TypeKind.INTEGER or self.bits is None:
            return None
        return (1 << (self.bits if self.unsigned else self.bits - 1)) - 1


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `identity` is `always`, `by default` or None; `default` and `generated` are engine SQL.

    Attributes:
        presence_ratio: share of the sampled documents that have the field, where fields are inferred; else None.
        types: the types met among sampled values, the most frequent first; empty where the type is declared.
    """

    name: str
    type: DataType
    nullable: bool = True
    default: str | None = None
    generated: str | None = None
    identity: str | None = None
    collation: str | None = None
    comment: str | None = None
    presence_ratio: float | None = None
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PrimaryKey:
    """The primary key; `name` is None where the engine does not name it, `words` as of `UniqueConstraint`."""

    columns: tuple[str, ...]
    name: str | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class UniqueConstraint:
    """A declared unique constraint (a plain unique index is an `Index`).

    Attributes:
        words: what PostgreSQL's SQL says after the columns: `INCLUDE (...)`, `DEFERRABLE`, `INITIALLY DEFERRED`.
    """

    columns: tuple[str, ...]
    name: str | None = None
    nulls_not_distinct: bool = False
    words: str = ""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A declared reference; actions are upper-case SQL words (`NO ACTION`, `CASCADE` ...)."""

    columns: tuple[str, ...]
    referred_table: str
    referred_columns: tuple[str, ...]
    referred_schema: str | None = None
    name: str | None = None
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"
    deferrable: bool = False
    validated: bool = True
    match_full: bool = False
    initially_deferred: bool = False


@dataclass(frozen=True, slots=True)
class CheckConstraint:
    """A check; `expression` is engine SQL without the word CHECK."""

    expression: str
    name: str | None = None
    validated: bool = True


@dataclass(frozen=True, slots=True)
class IndexKey:
    """One key of an index: a column name, or an engine expression when `is_expression`."""

    name: str
    is_expression: bool = False
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """An index, those behind constraints included (`backs_constraint`)."""

    name: str
    keys: tuple[IndexKey, ...]
    unique: bool = False
    method: str = "btree"
    include: tuple[str, ...] = ()
    where: str | None = None
    backs_constraint: bool = False
    valid: bool = True
    definition: str | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """The leading key columns up to the first expression."""
        names: list[str] = []
        for key in self.keys:
            if key.is_expression:
                break
            names.append(key.name)
        return tuple(names)


class TableKind(StrEnum):
    """What sort of relation it is."""

    TABLE = "table"
    PARTITIONED = "partitioned"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized_view"
    FOREIGN = "foreign"
    VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition folded into its parent; `bound` is engine SQL."""

    name: str
    bound: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view with everything declared on it; columns in their declared order.

    Attributes:
        extension: the extension that owns it, else None.
        row_estimate: the engine's estimate; None when it keeps none. Never a promise.
        options: engine storage options that must survive a round trip (`without_rowid`, `strict`, `fillfactor`).
        unmodelled: what nothing else here tells of its declaration and decides what it holds: the column (empty where it
            is the table's own) and the engine's words (`collate nocase`, `on conflict ignore`).
    """

    name: str
    schema: str | None
    columns: tuple[Column, ...]
    kind: TableKind = TableKind.TABLE
    primary_key: PrimaryKey | None = None
    uniques: tuple[UniqueConstraint, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[CheckConstraint, ...] = ()
    indexes: tuple[Index, ...] = ()
    triggers: tuple[str, ...] = ()
    partitions: tuple[Partition, ...] = ()
    partition_key: str | None = None
    extension: str | None = None
    comment: str | None = None
    row_estimate: int | None = None
    definition: str | None = None
    options: tuple[str, ...] = ()
    unmodelled: tuple[tuple[str, str], ...] = ()

    @property
    def is_base(self) -> bool:
        """Whether rows are stored here (tables and partitioned tables)."""
        return self.kind in (TableKind.TABLE, TableKind.PARTITIONED)

    def column(self, name: str) -> Column:
        """Return the column of that exact name, or raise `NotFound` naming the nearest."""
        for column in self.columns:
            if column.name == name:
                return column
        raise NotFound.of(f"column of {self.name}", name, [c.name for c in self.columns])

    def has_column(self, name: str) -> bool:
        """Whether a column of that exact name exists."""
        return any(column.name == name for column in self.columns)


@dataclass(frozen=True, slots=True)
class DatabaseSchema:
    """All tables and views of one database that the role may see, ordered by schema and name.

    Attributes:
        fingerprint: changes whenever the catalog changes; equal fingerprints mean an equal model.
        default_schema: where unqualified names resolve first; None on engines without schemas.
    """

    engine: str
    version: str
    tables: tuple[Table, ...]
    fingerprint: str
    default_schema: str | None = None
    _by_name: dict[tuple[str | None, str], Table] = field(
        init=False, repr=False, compare=False, hash=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        for table in self.tables:
            self._by_name[(table.schema, table.name)] = table

    def display_name(self, table: Table) -> str:
        """Name a table the way a person would: the schema only where it is not the default."""
        return table.name if table.schema in (None, self.default_schema) else f"{table.schema}.{table.name}"

    def find(self, name: str, schema: str | None = None) -> Table | None:
        """Return the table of that name; `schema` None means the default schema, then a unique match."""
        if schema is None and "." in name and (None, name) not in self._by_name:
            head, _, tail = name.partition(".")
            if (head, tail) in self._by_name:
                return self._by_name[(head, tail)]
        exact = self._by_name.get((schema if schema is not None else self.default_schema, name))
        if exact is not None or schema is not None:
            return exact
        matches = [table for table in self.tables if table.name == name]
        return matches[0] if len(matches) == 1 else None

    def table(self, name: str, schema: str | None = None) -> Table:
        """Return the table of that name, or raise `NotFound` naming the nearest."""
        found = self.find(name, schema)
        if found is None:
            raise NotFound.of("table", name, [self.display_name(t) for t in self.tables])
        return found

    def base_tables(self) -> Iterator[Table]:
        """Yield the tables that store rows and are not owned by an extension."""
        return (table for table in self.tables if table.is_base and table.extension is None)
