"""The commands analyze, design and implement, and the worked examples: which phases they go through, and to what end."""

from __future__ import annotations

from dataclasses import dataclass

COMPANIONS = """\
If you have a tool for reasoning in steps (sequential thinking), use it for choices with several constraints. If you have a \
web search or a documentation crawler, use it for current practice and the engine's manual at the version in use; send it \
no values and no names of this database's tables, and take what it says as a claim to be tried here, not as evidence."""

FOCUSES = ("requirements", "schema", "performance", "migration", "governance", "security", "recovery")
DEPTHS = ("quick", "deep")
FORMATS = ("text", "json", "report")
DESIGN_TYPES = ("database",)
DESIGN_FORMATS = ("diagram", "spec", "code")
YES_NO = ("true", "false")


@dataclass(frozen=True, slots=True)
class Feature:
    """What `implement` can put in place: the phases it goes through, and what it leads to."""

    phases: tuple[int, ...]
    leads_to: str
    tests: str


FEATURES: dict[str, Feature] = {
    "database-optimization": Feature(
        (3,), "an optimized configuration: indexes and queries whose work was measured before and after",
        "run measure_queries with the same queries before and after, and keep both as evidence",
    ),
    "data-migration": Feature(
        (4,), "a complete migration: every table copied, compared, and a way back",
        "run verify_data after the copy, and name what it compared",
    ),
    "data-governance": Feature(
        (5,), "a governance framework: classified and masked data, checked rights, an intact audit trail",
        "run check_database with pack=security again after each fix, and verify_audit_log at the end",
    ),
    "backup-recovery": Feature(
        (6,), "backup and recovery that was tried: a restored backup with its measured time",
        "run run_drill for every backup",
    ),
}  # fmt: skip

FOCUS_TOOLS = {
    "requirements": "assess_database and classify_data",
    "schema": "describe_schema and check_database with pack=schema",
    "performance": "explain_query, advise_indexes and measure_queries, on the queries that the user names",
    "migration": "assess_database for the source and plan_migration, which proposes and writes nothing",
    "governance": "classify_data and trace_lineage",
    "security": "check_database with pack=security and verify_audit_log",
    "recovery": "run_backup and run_drill",
}
DEPTH_TEXT = {
    "quick": "Quick: one pass, the five findings that matter most, no more than ten tool calls.",
    "deep": "Deep: every connection, every pack, each finding with its figures and what speaks against it.",
}
FORMAT_TEXT = {
    "text": "Answer in plain text.",
    "json": "Answer as one JSON object with findings (id, severity, object, evidence, fix), questions and next_steps.",
    "report": "Keep results in a project (pass its id along) and finish with export_deliverables; sum up the files.",
    "diagram": "Begin with describe_schema and detail=diagram, and draw the proposed design as Mermaid the same way.",
    "spec": "Write tables with columns, types, keys, rules, indexes and the query or question behind each.",
    "code": "Write the design as steps of propose_change, in the engine's own SQL, each with its inverse.",
}


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: a goal carried through phases, with what is special about it."""

    name: str
    title: str
    goal: str
    phases: tuple[int, ...]
    notes: tuple[str, ...]


EXAMPLES = (
    Example(
        "example_ecommerce_platform", "Worked example: architecture of an e-commerce platform",
        "Design a scalable architecture for an e-commerce platform with high performance requirements",
        (1, 2, 3, 4, 5, 6),
        ("Start from sets of data: catalogue, carts, orders, payments, sessions; choose an engine for each, with reasons.",
         "Orders and payments want transactions and references; sessions and carts may expire.",
         "Payment and personal data are classified in phase 1, before anybody reads them.",
         "Measure the queries of checkout and search in phase 3 on data of next year's size (copy a sample, not production)."),
    ),
    Example(
        "example_faster_database", "Worked example: an existing database made faster",
        "Make an existing database respond faster, and prove that it does",
        (1, 3, 6),
        ("Bottlenecks first: measure the user's slow queries before any idea is spoken.",
         "Then strategy: indexes that the planner takes, queries rewritten, statistics, then configuration, then a cache.",
         "One change set at a time, each measured with the same queries, each taken back when it did not help.",
         "A backup that was restored comes before the first change in production.",
         "Finish with the report: work before and after, what was tried and left."),
    ),
    Example(
        "example_legacy_migration", "Worked example: a legacy database moved with little downtime",
        "Move a legacy database to a modern one with minimal downtime",
        (1, 2, 4, 5, 6),
        ("Analysis: what the source holds, which rules only the application knows, what the target can't express.",
         "Copy while the source is in use; then hold writes for as long as the user allows and copy what has changed.",
         "Cut over only when verify_data is equal; say the way back before going.",
         "Decommission the source after a backup of it was restored once."),
    ),
)  # fmt: skip
