"""The tool that makes a database as a design says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from dbmanager.analyzers.describe import markdown
from dbmanager.errors import InvalidStatement
from dbmanager_tools.changes import review_text
from dbmanager_tools.core import Connection, statement_of
from dbmanager_tools.house import Evidence, answer, services_of, tool

if TYPE_CHECKING:
    from dbmanager.adapters.facets import Adapter
    from dbmanager.model.schema import DatabaseSchema
    from dbmanager.phases.optimization.implementation.design import Design
    from dbmanager.phases.optimization.implementation.plan import DesignPlan
    from dbmanager.services.container import Services

SHOWN = 25
Part = Annotated[str, Field(max_length=100_000)] | dict[str, JsonValue]


@tool(phase=3, title="Plan schema", idempotent=False)
async def plan_schema(
    connection: Connection,
    ctx: Context,
    design: Annotated[
        list[Part] | None,
        Field(
            min_length=1, max_length=1_000,
            description="CREATE TABLE, INDEX, VIEW, SCHEMA and ALTER TABLE ADD, each on its own and without comments; "
            "or MongoDB's create, createIndexes, collMod",
        ),
    ] = None,
    like: Annotated[str | None, Field(description="Instead: the connection whose tables are the design")] = None,
    drop: Annotated[
        bool, Field(description="Also drop columns, constraints and indexes of these tables that the design lacks")
    ] = False,
    project: Evidence = None,
) -> CallToolResult:  # fmt: skip
    """Make a database, empty or in use, as a design says. The design is run on an empty scratch copy and read back,
    linted, compared with what is there; rows in the way are counted with the query that shows them; the steps are tried
    on a copy with rows, and undone. Then a change set is proposed that ends by reading the schema again. Tables
    outside of the design stay."""
    from dbmanager.phases.optimization.implementation.plan import plan_design

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    present = await adapter.catalog.read_schema()
    made, notes = await _design(services, adapter, connection, design, like, present)
    notes += [
        f"view {one.name} is there already; views are not compared"
        for one in made.statements
        if one.sort == "view" and present.find(one.name, one.schema) is not None
    ]
    await ctx.report_progress(1, 3, f"the design runs on {adapter.engine}: {len(made.tables)} tables")
    reason = f"the design of {like}" if like is not None else "a design given as statements"
    planned = await plan_design(
        adapter, connection, made, present, services.scratches, drop=drop, reason=reason
    )  # fmt: skip
    await ctx.report_progress(2, 3, "compared and tried")
    lines = [_headline(planned), *_differences(planned), *_listed("Not carried over", notes), *_linted(made)]
    facts: dict[str, JsonValue] = {
        "new": len(planned.made), "altered": len(planned.altered), "same": len(planned.same),
        "obstacles": len(planned.obstacles),
    }  # fmt: skip
    if planned.plan is not None:
        change = await services.changes.propose(planned.plan, project)
        facts |= {"change": change.id, "state": change.state.value}
        lines.append(review_text(change, services))
    return answer("\n\n".join(lines), facts)


async def _design(
    services: Services, adapter: Adapter, connection: str, design: list[Part] | None, like: str | None,
    present: DatabaseSchema,
) -> tuple[Design, list[str]]:  # fmt: skip
    from dbmanager.adapters.facets import need
    from dbmanager.phases.optimization.implementation.design import tried_design
    from dbmanager.phases.optimization.implementation.likeness import statements_like

    if (design is None) == (like is None):
        raise InvalidStatement("give either design or like", hint="design holds statements, like names a connection.")
    notes: list[str] = []
    if like is not None:
        source = await services.connections.adapter(like)
        schema = await source.catalog.read_schema()
        texts, notes = statements_like(schema, need(adapter.emit, connection), adapter.engine, like)
    else:
        texts = [one if isinstance(one, str) else statement_of(None, one) for one in design or ()]
    return await tried_design(services.scratches, connection, adapter, texts, present), notes


def _headline(planned: DesignPlan) -> str:
    counts = f"{len(planned.made)} tables are new, {len(planned.altered)} differ, {len(planned.same)} are as designed"
    if planned.obstacles:
        return (
            f"{counts}. Nothing is proposed: rows stand in the way. Mend them (propose_change), or change the design."
        )
    return f"{counts}." + ("" if planned.plan else " Nothing is to be done.")


def _differences(planned: DesignPlan) -> list[str]:
    found = []
    if planned.obstacles:
        rows = [["" if one.rows is None else one.rows, one.what, one.query] for one in planned.obstacles[:SHOWN]]
        found.append(markdown.table(["rows", "in the way", "query"], rows))
    return found + _listed("Stays, though the design doesn't have it (drop=true drops it)", planned.kept)


def _linted(design: Design) -> list[str]:
    from dbmanager.analyzers.schema_lint.facts import LintFacts
    from dbmanager.analyzers.schema_lint.lint import lint

    findings = lint(LintFacts(design.schema)).findings
    return _listed("The design's findings", [f"{f.id} {f.object_name}: {f.title}" for f in findings])


def _listed(title: str, items: list[str] | tuple[str, ...]) -> list[str]:
    if not items:
        return []
    more = [f"- and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
    return ["\n".join([f"{title} ({len(items)}):", *(f"- {item}" for item in items[:SHOWN]), *more])]
