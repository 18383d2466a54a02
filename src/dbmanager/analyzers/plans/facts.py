"""What rules over plans judge, and the form of a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from dbmanager.model.findings import Severity
from dbmanager.model.plan_findings import PlanFinding
from dbmanager.model.queries import PlanNode, QueryPlan
from dbmanager.model.schema import DatabaseSchema, Table

SQL = frozenset(("postgresql", "mysql", "sqlite"))
_EXPLAIN = {
    "postgresql": "EXPLAIN (ANALYZE, BUFFERS) of the same statement", "sqlite": "EXPLAIN QUERY PLAN of the same statement",
    "mysql": "EXPLAIN FORMAT=JSON of the same statement", "mongodb": "explain(executionStats) of the same command",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StatementFacts:
    """One statement with its plan; `tree` is None where it is no SQL or not understood."""

    engine: str
    dialect: str
    schema: DatabaseSchema
    plan: QueryPlan
    tree: exp.Expr | None

    def nodes(self) -> list[PlanNode]:
        """Return every step."""
        return self.plan.nodes()

    def table(self, name: str | None) -> Table | None:
        """Return the table that a plan names, by its name or by the alias it has in the statement."""
        if name is None:
            return None
        found = self.schema.find(name)
        if found is None and self.tree is not None:
            named = [t for t in self.tree.find_all(exp.Table) if t.alias_or_name == name]
            found = self.schema.find(named[0].name, named[0].db or None) if named else None
        return found

    def table_of(self, column: exp.Column) -> Table | None:
        """Return the base table that a column is of, as far as that is clear."""
        select = column.find_ancestor(exp.Select)
        while select is not None:
            tables = [known for node in sources(select) if (known := self._holding(node, column)) is not None]
            if tables:
                return tables[0] if len(set(map(id, tables))) == 1 else None
            select = select.find_ancestor(exp.Select)
        return None

    def _holding(self, node: exp.Expr, column: exp.Column) -> Table | None:
        """Return the base table of a source when the column can be of it."""
        if not isinstance(node, exp.Table) or (column.table and column.table != node.alias_or_name):
            return None
        known = self.schema.find(node.name, node.db or None)
        return known if known is not None and known.is_base and known.has_column(column.name) else None


def sources(select: exp.Select) -> list[exp.Expr]:
    """Return what stands in FROM and in joins."""
    from_ = select.args.get("from_")
    return ([from_.this] if from_ else []) + [join.this for join in select.args.get("joins") or ()]


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a rule applies, with the figure and the fix for that place."""

    where: str
    fix: str
    value: float | None = None
    undo: str = "Take the change back by its inverse, see roll_back_change."


@dataclass(frozen=True, slots=True)
class PlanRule:
    """One rule as data.

    Attributes:
        id: `PLAN-` for what a plan shows, `SQL-` for what the text shows; never reused.
        doubt: what would make a finding wrong.
        judge: facts in, places out; pure.
    """

    id: str
    severity: Severity
    engines: frozenset[str]
    title: str
    source: str
    doubt: str
    judge: Callable[[StatementFacts], Iterable[Seen]]
    threshold: float | None = None

    def __post_init__(self) -> None:
        missing = [name for name in ("id", "title", "source", "doubt") if not getattr(self, name).strip()]
        if missing:
            raise ValueError(f"rule {self.id or '?'} lacks {', '.join(missing)}")

    def findings(self, facts: StatementFacts) -> Iterator[PlanFinding]:
        """Yield one finding per place."""
        for seen in self.judge(facts):
            yield PlanFinding(
                self.id, self.severity, self.title, seen.where, seen.value, self.threshold, self.source, seen.fix, seen.undo,
                f"{_EXPLAIN[facts.engine]}: {self.id} is gone, and the cost is lower", self.doubt,
            )  # fmt: skip
