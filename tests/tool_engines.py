"""Which tool was shown on which engine, by which test; `docs/reference/tool_engines.md` is made of it.

*tested* names the test that calls the tool on that engine through a client over stdio. *unsupported* gives the reason
that the tool itself gives there. *not run* says what was missing. A tool or an engine without an entry fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["tested", "unsupported", "not run"]
SIX_PHASES = "tests/workflow/test_six_phases.py::test_every_gate_is_passed_by_evidence"
ON_MONGODB = "tests/workflow/test_mongodb.py::test_documents_are_looked_at_read_explained_changed_and_put_back"
ON_MYSQL = "tests/workflow/test_mysql.py::test_rows_are_looked_at_read_explained_changed_and_put_back"
ON_REDIS = "tests/workflow/test_redis.py::test_the_phases_that_redis_has"
ON_TUNING = "tests/workflow/test_tuning.py::test_health_and_settings_are_told_on_every_engine"
DESIGNED = "tests/implementation/test_schema_applied.py::test_a_design_is_applied_to_an_empty_database_and_read_again"
COLLECTIONS = "tests/implementation/test_schema_applied.py::test_collections_and_their_validators_are_made_as_designed"
ASKED = "tests/server/test_workload.py::test_a_workload_is_analysed_on_every_engine"
ON_THE_WIRE = "tests/server/test_secrecy.py::test_no_byte_on_the_wire_in_logs_or_files_holds_a_secret"
REWRITES = "tests/optimization/test_tool.py::test_a_rewrite_is_judged_and_kept_as_evidence"
PIPELINES = "tests/optimization/test_pipelines_tool.py::test_a_rewritten_command_is_judged_and_kept_as_evidence"
ENGINES = ("sqlite", "postgresql", "mysql", "mariadb", "mongodb", "redis")
"""As a person names them; a registered engine stands here under at least one name."""

NO_DATABASE: Mapping[str, str] = {
    "get_job": "tests/server/test_jobs.py::test_a_job_goes_on_after_its_client_has_left",
    "cancel_job": "tests/server/test_jobs.py::test_a_cancelled_job_stops_and_what_it_did_is_told_and_undone",
    "read_result": "tests/server/test_resources.py::test_a_long_answer_is_cut_and_read_on_without_losing_a_line",
    "update_project": SIX_PHASES,
    "project_status": SIX_PHASES,
    "verify_audit_log": SIX_PHASES,
}
"""Tools that touch no database, with a test of each."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How a tool stands on an engine: the test's node id, or the reason."""

    state: State
    by: str


def _tested(by: str, *tools: str) -> dict[str, Shown]:
    return {tool: Shown("tested", by) for tool in tools}


_SQL = {
    **_tested(ASKED, "analyze_workload"),
    **_tested(
        ON_THE_WIRE, "list_connections", "describe_schema", "run_query", "explain_query", "propose_change", "review_change",
        "roll_back_change",
    ),
    **_tested(
        SIX_PHASES, "check_database", "assess_database", "advise_indexes", "measure_queries", "apply_change", "plan_migration",
        "verify_data", "classify_data", "trace_lineage", "run_backup", "run_drill", "export_deliverables",
    ),
    **_tested(ON_TUNING, "plan_tuning"),
    **_tested(REWRITES, "verify_rewrite"),
    **_tested(DESIGNED, "plan_schema"),
}  # fmt: skip

_MYSQL = {
    **_SQL,
    **_tested(ON_MYSQL, "list_connections", "describe_schema", "run_query", "explain_query", "propose_change",
              "review_change", "roll_back_change"),
}  # fmt: skip
_MONGODB = {
    **_tested(ASKED, "analyze_workload"),
    **_tested(ON_MONGODB, "list_connections", "describe_schema", "run_query", "explain_query", "propose_change",
              "review_change", "roll_back_change"),
    **_tested(SIX_PHASES, "check_database", "assess_database", "advise_indexes", "measure_queries", "apply_change",
              "plan_migration", "verify_data", "classify_data", "trace_lineage", "run_backup", "run_drill",
              "export_deliverables"),
    **_tested(COLLECTIONS, "plan_schema"),
    "plan_tuning": Shown("not run", "the engine of the tests does not execute serverStatus; the rule is judged by recorded replies"),
    **_tested(PIPELINES, "verify_rewrite"),
}  # fmt: skip
_REDIS = {
    **_tested(ASKED, "analyze_workload"),
    **_tested(ON_REDIS, "list_connections", "describe_schema", "assess_database", "check_database", "classify_data", "trace_lineage",
              "run_query", "propose_change", "apply_change", "review_change", "roll_back_change", "run_backup", "run_drill",
              "export_deliverables", "verify_data"),
    **_tested(ON_TUNING, "plan_tuning"),
    "plan_migration": Shown("unsupported", "keys are copied by a backup restored elsewhere; Redis declares no tables"),
    "plan_schema": Shown("unsupported", "Redis declares nothing: there is no schema to make"),
    "verify_rewrite": Shown("unsupported", "Redis has no query language: a command has no other form to compare with"),
    **{tool: Shown("unsupported", "Redis has no query planner") for tool in (
        "explain_query", "advise_indexes", "measure_queries")},
}  # fmt: skip

TABLE: Mapping[str, Mapping[str, Shown]] = {
    "sqlite": _SQL, "mysql": _MYSQL, "mariadb": _MYSQL, "postgresql": _SQL, "mongodb": _MONGODB, "redis": _REDIS,
}  # fmt: skip
"""Engine → tool → how it stands."""
