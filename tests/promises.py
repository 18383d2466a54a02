"""What this server is to do, promise by promise, and which tests show it; `docs/reference/promises.md` is made of it.

*kept*: the tests show the whole of it. *partly*: they show a part, `missing` names the rest. *open*: nothing shows it
yet, `missing` is the subject of the issue. A test that shows a step of the workflow bears the id:
`@pytest.mark.promise("P4.1")`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

State = Literal["kept", "partly", "open"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: what is said, how it stands, the node ids of its tests, and what they do not show."""

    id: str
    title: str
    state: State
    tests: tuple[str, ...] = ()
    missing: str = ""

    def __post_init__(self) -> None:
        if bool(self.tests) is (self.state == "open"):
            raise ValueError(f"{self.id}: {self.state} wants {'no test' if self.tests else 'a test'}")
        if bool(self.missing) is (self.state == "kept"):
            raise ValueError(f"{self.id}: {self.state} wants {'nothing' if self.missing else 'something'} missing")


def _partly(id_: str, title: str, missing: str, *tests: str) -> Promise:
    return Promise(id_, title, "partly", tests, missing)


def _open(id_: str, title: str, issue: str) -> Promise:
    return Promise(id_, title, "open", (), issue)


SIX_PHASES = "tests/workflow/test_six_phases.py::test_every_gate_is_passed_by_evidence"
ON_REDIS = "tests/workflow/test_redis.py::test_the_phases_that_redis_has"
ON_MYSQL = "tests/workflow/test_mysql.py::test_rows_are_looked_at_read_explained_changed_and_put_back"
DOCUMENTS = "tests/workflow/test_mongodb.py::test_documents_are_looked_at_read_explained_changed_and_put_back"
PROMPTS = "tests/server/test_prompts.py::test_every_prompt_is_short_and_names_only_tools_that_are_there"
ASKED = "tests/server/test_prompts.py::"
FOLLOWED = "tests/workflow/test_examples.py::"
GUIDED = "tests/docs/test_guides.py::"
COMPANIONS = f"{ASKED}test_companions_are_used_where_the_client_has_them_and_are_told_nothing_of_the_database"
DIFFERENT = "tests/workflow/test_six_phases.py::test_a_copy_that_differs_is_told_and_passes_no_gate"
CACHED = "tests/workload/test_caching.py::test_what_is_worth_caching_is_found_and_the_rest_is_told_why"
FAILED_DRILL = (
    "tests/workflow/test_six_phases.py::test_a_backup_that_holds_other_rows_fails_its_drill_and_passes_no_gate"
)
ADVISED = "tests/server/test_stdio.py::test_an_index_is_advised_applied_measured_and_undone"
COPIED = "tests/server/test_stdio.py::test_tables_are_copied_from_sqlite_to_postgresql_and_compared"
PUT_BACK = "tests/server/test_stdio.py::test_rows_changed_by_a_statement_can_be_put_back"
LINT_SQLITE = "tests/checks/test_schema_lint.py::test_a_seeded_fault_is_found_and_a_clean_schema_is_not"
LINT_POSTGRESQL = "tests/checks/test_schema_lint.py::test_a_seeded_fault_is_found_on_postgresql"
FLAWED = "tests/checks/test_shops.py::test_the_flawed_shop_shows_its_flaws"
CLEAN = "tests/checks/test_shops.py::test_a_clean_shop_gives_none"
SECURITY_POSTGRESQL = "tests/checks/test_security.py::test_a_seeded_fault_is_found_mended_and_found_again"
SECURITY_SETTINGS = "tests/checks/test_security.py::test_a_setting_is_judged_both_ways"
SECURITY_SQLITE = "tests/checks/test_security.py::test_a_seeded_sqlite_fault_is_found_and_a_clean_file_is_not"
CLASSIFIED = "tests/unit/test_classification.py::test_meaningless_and_misleading_names_are_found_by_values"
MASKED = "tests/policy/test_masking.py::test_no_attempt_shows_a_value"
TAMPERED = "tests/services/test_guards.py::test_tampering_with_the_log_is_found"
PROVED = "tests/indexing/test_proof.py::test_an_index_that_pays_is_kept_and_one_that_does_not_is_left_out"
DROPS_TRIED = "tests/indexing/test_drops.py::test_drops_are_tried_on_a_copy_of_all_rows_on_postgresql"
BUDGET_KEPT = "tests/indexing/test_postgresql.py::test_a_set_keeps_to_its_budget_as_built_and_delivers_what_it_promised"
UNDONE = "tests/indexing/test_delivery.py::test_an_index_that_no_plan_reads_is_dropped_by_a_change_set"
DESIGN_EMPTY = (
    "tests/implementation/test_schema_applied.py::test_a_design_is_applied_to_an_empty_database_and_read_again"
)
DESIGN_IN_USE = (
    "tests/implementation/test_schema_applied.py::test_a_design_is_applied_to_a_database_in_use_and_no_row_is_lost"
)
DESIGN_DROPS = "tests/implementation/test_schema_applied.py::test_what_the_design_lacks_is_dropped_only_when_asked"
DESIGN_ROWS = "tests/implementation/test_schema_applied.py::test_rows_in_the_way_are_counted_and_nothing_is_proposed"
DESIGN_LIKE = "tests/implementation/test_schema_applied.py::test_the_design_of_one_engine_is_made_on_another"
KEPT_VIEW = "tests/workflow/test_slow_database.py::test_an_answer_that_may_be_old_is_kept_as_a_view_by_a_change_set"
E2_POSTGRESQL = "tests/workflow/test_slow_postgresql.py::test_a_slow_database_is_diagnosed_mended_and_measured"
E2_MARIADB = "tests/workflow/test_slow_mariadb.py::test_a_slow_database_is_diagnosed_mended_and_measured"
SLOW_SHOP = "tests/workflow/test_slow_database.py::test_a_collected_workload_is_advised_on_changed_measured_and_cached"
WHAT_IF = "tests/facets/test_statistics.py::test_an_index_is_tried_without_touching_the_database"
EVERY_TYPE = "tests/facets/test_emit.py::test_every_kind_of_type_has_a_home_or_a_reason"
ROWS_ARRIVE = "tests/facets/test_bulk.py::test_rows_of_every_type_arrive_to_the_bit"
KILLED_COPY = "tests/slow/test_server_under_load.py::test_a_copy_killed_at_any_moment_goes_on_by_chunk"
KILLED_RESUMES = "tests/services/test_changes.py::test_after_a_kill_the_state_is_told_truthfully_and_the_change_resumes"
KILLED_BACK = "tests/services/test_changes.py::test_after_a_kill_the_change_can_be_rolled_back"
KILLED_POSTGRESQL = "tests/services/test_changes_postgresql.py::test_after_a_kill_the_change_goes_on_or_back"
FAILING_STEP = (
    "tests/services/test_changes.py::test_a_failing_step_leaves_earlier_ones_and_the_change_resumes_or_goes_back"
)
PROVED_BACKUP = "tests/services/test_changes.py::test_production_wants_a_proved_backup_before_what_can_not_be_undone"
BACKED_UP = "tests/facets/test_backup.py::test_a_backup_holds_every_row_and_the_place_it_was_restored_to_is_gone"
FLIPPED_BIT = "tests/facets/test_backup.py::test_one_flipped_bit_is_noticed_before_anything_is_restored"
UNDER_CONTRACT = "tests/facets/test_catalog.py::test_every_registered_engine_is_under_contract"
DECLARED = "tests/facets/test_catalog.py::test_the_model_says_what_was_declared"
EMITTED = "tests/facets/test_catalog.py::test_what_is_emitted_reads_back_as_the_same_model"
REFERENCE_ADDED = "tests/facets/test_emit.py::test_a_reference_is_added_and_taken_away_or_refused_with_a_reason"
GAINED = "tests/tuning/test_gain.py::test_the_gain_of_a_setting_is_measured_before_and_after"
TUNED = "tests/workflow/test_tuning.py::test_a_setting_is_proposed_approved_applied_verified_and_taken_back"
TUNED_POSTGRESQL = "tests/tuning/test_postgresql.py::test_settings_are_applied_verified_and_rolled_back"
TUNED_MYSQL = "tests/tuning/test_mysql.py::test_settings_are_applied_verified_and_rolled_back"
MEASURED_EVERYWHERE = "tests/workflow/test_tuning.py::test_every_engine_is_measured_and_too_little_history_is_said"
FORETOLD = "tests/monitoring/test_outlook.py::test_a_full_disk_is_foretold_with_its_past_error_and_exported_as_pictures"
COLLECTED = "tests/monitoring/test_collecting.py::test_each_run_keeps_a_moment_and_judges_the_rules"
BY_TIMER = "tests/monitoring/test_collecting.py::test_systemd_accepts_the_units"
ALERTED = "tests/monitoring/test_alerts.py::test_an_alert_is_posted_and_mailed_once_when_it_fires_and_once_when_it_ends"
SCRAPED = "tests/monitoring/test_exporting.py::test_prometheus_scrapes_the_file_and_evaluates_every_rule"
ALERTED_AHEAD = "tests/monitoring/test_outlook.py::test_a_limit_that_comes_near_fires_and_ends_once_it_is_far_again"
REVIEWED_LOAD = "tests/monitoring/test_reviewing.py::test_the_index_that_the_load_wants_is_in_the_change_set_and_gone_once_it_is_made"
REVIEWED_MARIADB = "tests/monitoring/test_reviewing.py::test_on_mariadb_the_index_is_tried_on_a_copy_and_proposed"
REVIEWED = (
    "tests/monitoring/test_reviewing.py::test_a_review_tells_what_is_new_and_gone_and_proposes_what_can_be_undone"
)
REVIEWED_POSTGRESQL = (
    "tests/monitoring/test_reviewing.py::test_a_server_is_reviewed_and_the_change_set_holds_the_missing_index"
)
TOLD_EVERYWHERE = "tests/workflow/test_tuning.py::test_health_and_settings_are_told_on_every_engine"
NO_SECRET = "tests/server/test_secrecy.py::test_no_byte_on_the_wire_in_logs_or_files_holds_a_secret"

CAPABILITIES = (
    _partly("C1", "Architecture and schema design across several databases",
            "plans for a new system; engines beyond SQLite and PostgreSQL", LINT_SQLITE, LINT_POSTGRESQL, DECLARED),
    _partly("C2", "Performance optimization", "rewrites, settings, caches, the workload as the engine saw it",
            SIX_PHASES, ADVISED, WHAT_IF),
    _partly("C3", "Migration and replication", "transformations, replication, cutover", COPIED, KILLED_COPY),
    _partly("C4", "Governance and security", "access controls, encryption at rest, retention, compliance reports",
            SIX_PHASES, MASKED, SECURITY_POSTGRESQL),
    _partly("C5", "Backup and recovery", "schedules, point-in-time recovery, failover", SIX_PHASES, BACKED_UP),
)  # fmt: skip

PHASES = (
    _partly("P1.1", "Data requirements and usage patterns analysed",
            "requirements that people state; the statements that were run", SIX_PHASES, FLAWED),
    _open("P1.2", "Architecture and technology selected, with reasons",
          "Plan an architecture: a technology for each data set, with reasons and refuted alternatives"),
    _open("P1.3", "Performance requirements and scalability needs identified",
          "Performance targets per use, and a forecast of growth with its error"),
    _partly("P1.4", "Governance and compliance requirements assessed",
            "which regimes apply and what each demands of the columns found", SIX_PHASES, CLASSIFIED),
    _open("P1.5", "Migration strategy and timeline planned", "Compare migration strategies and estimate their time"),
    _open("P2.1", "Architecture designed, technology by data set", "Design an architecture from the requirements"),
    _partly("P2.2", "Normalised data models and schemas created",
            "a schema synthesised from requirements or dependencies; only faults of existing ones are found",
            SIX_PHASES, LINT_SQLITE, LINT_POSTGRESQL, EMITTED),
    _partly("P2.3", "Index strategy designed", "strategy for a planned schema; the cost of writes and a space budget",
            SIX_PHASES, ADVISED, WHAT_IF),
    _open("P2.4", "Partitioning and distribution planned", "Choose a partition key from the workload and prove pruning"),
    _partly("P2.5", "Relationships and integrity constraints defined",
            "discovery of unique and check rules; conceptual models", LINT_SQLITE, LINT_POSTGRESQL, REFERENCE_ADDED),
    _partly("P3.1", "Schema and models implemented", "seed rows and model classes beside the schema",
            DESIGN_EMPTY, DESIGN_IN_USE, DESIGN_DROPS, DESIGN_ROWS, DESIGN_LIKE, KILLED_RESUMES, KILLED_POSTGRESQL, PUT_BACK),
    _partly("P3.2", "Queries optimized, indexes implemented", "rules that propose rewrites of pipelines", SIX_PHASES, ADVISED, PROVED, DROPS_TRIED, SLOW_SHOP, E2_POSTGRESQL, E2_MARIADB,
             "tests/optimization/test_tool.py::test_a_rewrite_is_judged_and_kept_as_evidence",
             "tests/optimization/test_pipelines_tool.py::test_a_rewritten_command_is_judged_and_kept_as_evidence",
             "tests/optimization/test_tpch.py::test_the_wrong_rewrite_of_q21_is_refuted_by_a_small_database"),
    _partly("P3.3", "Configuration parameters tuned", "MongoDB and managed services by hand", GAINED,
            TUNED, TUNED_POSTGRESQL, TUNED_MYSQL, TOLD_EVERYWHERE, E2_POSTGRESQL, E2_MARIADB),
    _partly("P3.4", "Caching strategy implemented", "caches outside of SQL engines", CACHED, KEPT_VIEW, E2_POSTGRESQL, E2_MARIADB),
    _partly("P3.5", "Monitoring and metrics set up", "the dashboard imported into a Grafana",
            MEASURED_EVERYWHERE, COLLECTED, SCRAPED),
    _partly("P4.1", "ETL processes and transformation logic", "transformations; only plain copies are planned",
            COPIED, ROWS_ARRIVE, EVERY_TYPE),
    _partly("P4.2", "Data validation and quality checks", "quality rules beside the comparison", COPIED),
    _partly("P4.3", "Migration executed with minimal downtime", "catching up with writes, and a cutover",
            COPIED, KILLED_COPY),
    _partly("P4.4", "Integrity and consistency validated", "which rows differ; only tables are named", COPIED, DIFFERENT, SIX_PHASES),
    _open("P4.5", "Synchronisation and replication", "Follow changes from the source until the cutover"),
    _partly("P5.1", "Classification and access controls", "who may see what, and roles that grant no more",
            SIX_PHASES, FLAWED, CLASSIFIED, MASKED),
    _partly("P5.2", "Encryption and security measures", "encryption at rest and of columns; most of the check catalogue",
            SIX_PHASES, SECURITY_POSTGRESQL, SECURITY_SETTINGS, SECURITY_SQLITE),
    _partly("P5.3", "Audit trails and compliance reports", "reports per regime", ADVISED, TAMPERED),
    _open("P5.4", "Data quality management", "Quality rules, measured, kept and compared over time"),
    _open("P5.5", "Retention and deletion policies", "Retention per data set, carried out under a standing approval"),
    _open("P6.1", "Backup strategies and retention designed", "Plan recovery from RPO and RTO, with retention"),
    _partly("P6.2", "Automated backups", "schedules and retention; backups run when called", SIX_PHASES, BACKED_UP),
    _open("P6.3", "Disaster recovery and failover mechanisms", "Failover and point-in-time recovery, rehearsed"),
    _partly("P6.4", "Recovery testing and validation", "drills by schedule", SIX_PHASES, BACKED_UP, FLIPPED_BIT, FAILED_DRILL),
    _open("P6.5", "Procedures documented", "Recovery runbooks whose commands are executed by a test"),
)  # fmt: skip

INTEGRATIONS = (
    _partly("X1", "The expert panel", "reviews in which an expert asks for other evidence", PROMPTS,
            f"{ASKED}test_a_phase_brings_in_its_three_experts_and_says_where_to_stop"),
    _partly("X2", "Commands as prompts", "runs that follow a command to the end",
            f"{ASKED}test_a_wrong_word_is_answered_with_the_valid_ones_and_the_nearest",
            f"{ASKED}test_each_word_of_a_command_has_its_own_text",
            f"{ASKED}test_deeper_safer_and_tested_mean_more_steps"),
    _partly("X3", "PostgreSQL", "phase 4 in the test of its phases; versions other than 15; managed services; change feed", UNDER_CONTRACT, SIX_PHASES,
            DECLARED),
    _partly("X4", "MongoDB", "runs against mongod itself; change streams, replica sets", DOCUMENTS, SIX_PHASES),
    _partly("X5", "Redis, as cache and as database", "caching strategy; copies", ON_REDIS),
    _partly("X6", "MySQL and MariaDB", "what-if on their planners; replication", ON_MYSQL, SIX_PHASES, UNDER_CONTRACT),
    _partly("X7", "SQLite, embedded", "all six phases in a test; only the demonstration runs them", UNDER_CONTRACT,
            ADVISED, FLAWED, CLEAN),
    _partly("X8", "A sequential-reasoning companion", "a run beside a real companion", COMPANIONS),
    _partly("X9", "Web search for current practice", "a run beside a real companion", COMPANIONS),
    _partly("X10", "A documentation crawler", "a run beside a real companion", COMPANIONS),
)  # fmt: skip

EXAMPLES = (
    _partly("E1", "A scalable e-commerce architecture through all six phases",
            "an architecture planned by the server, partitions, caches; figures at the size of a real shop",
            f"{FOLLOWED}test_an_ecommerce_shop_is_designed_through_all_six_phases"),
    _partly("E2", "An existing database made faster", "cache and settings carried out and measured; monitoring", ADVISED, SIX_PHASES,
            E2_POSTGRESQL, E2_MARIADB, f"{FOLLOWED}test_a_database_is_made_faster"),
    _partly("E3", "A legacy database moved with minimal downtime",
            "transformations, synchronisation, decommissioning", COPIED, KILLED_COPY,
            f"{FOLLOWED}test_a_legacy_database_is_moved"),
)  # fmt: skip

QUALITY = (
    _partly("Q1", "Design validation", "designs that are not in a database yet", LINT_SQLITE, LINT_POSTGRESQL, CLEAN),
    _partly("Q2", "Performance validation", "targets to hold the measurements against", ADVISED, SIX_PHASES, E2_POSTGRESQL, E2_MARIADB),
    _partly("Q3", "Integrity validation", "rules other than references", LINT_SQLITE, LINT_POSTGRESQL, COPIED),
    _partly("Q4", "Security validation", "most of the check catalogue", SECURITY_POSTGRESQL, SECURITY_SETTINGS,
            SECURITY_SQLITE),
    _partly("Q5", "Automated schema validation and compliance", "runs by schedule; rules that a team sets itself",
            LINT_SQLITE, LINT_POSTGRESQL),
    _partly("Q6", "Automated performance monitoring and alerting", "MongoDB's server figures on a real mongod",
            COLLECTED, BY_TIMER, ALERTED, ALERTED_AHEAD, FORETOLD),
    _open("Q7", "Automated data quality checks and reports", "The quality pack of check_database, with reports"),
    _partly("Q8", "Automated security monitoring and vulnerability scan", "runs by schedule; known faults by version",
            SECURITY_POSTGRESQL, SECURITY_SQLITE),
    _partly("Q9", "Continuous improvement of performance", "before and after, measured in the same run",
            REVIEWED, REVIEWED_POSTGRESQL, REVIEWED_LOAD, REVIEWED_MARIADB),
    _open("Q10", "Continuous evolution of the schema", "Compare schemas over time and propose the next change set"),
    _open("Q11", "Continuous improvement of data quality", "Compare quality over time and propose the next change set"),
    _open("Q12", "Continuous improvement of security", "Compare security findings over time and propose the next step"),
)  # fmt: skip

DELIVERABLES = (
    _partly("D1", "database-system/architecture", "partitions; the exported files run in an empty database",
            SIX_PHASES, NO_SECRET),
    _open("D2", "database-system/optimization", "Caching, configuration and monitoring files; tests of the exported ones"),
    _open("D3", "database-system/migration", "ETL, synchronisation and rollback files; tests of the exported ones"),
    _partly("D4", "database-system/governance", "quality and policy files", SIX_PHASES),
    _partly("D5", "database-system/backup-recovery", "procedures; tests that run the exported scripts", SIX_PHASES),
    _open("D6", "database-system/documentation", "Documents for each phase; tests of the exported ones"),
    _open("D7", "Supporting documents", "Reports with diagrams and charts, each figure with its evidence"),
)  # fmt: skip

ADVANCED = (
    _partly("A1", "Query optimization and tuning", "the gain of rewrites and settings measured", ADVISED, SIX_PHASES, SLOW_SHOP),
    _partly("A2", "Automatic index strategy and implementation", "drops tried on a clone",
            ADVISED, SIX_PHASES, WHAT_IF, BUDGET_KEPT, UNDONE),
    _partly("A3", "Intelligent caching", "caches outside of SQL engines; the engines' own settings", CACHED, SLOW_SHOP),
    _partly("A4", "Predictive performance analysis", "how a plan or a design bears more load; only what was measured goes on",
            FORETOLD, "tests/unit/test_forecasting.py::test_a_change_of_pace_shows_as_past_error"),
    _open("A5", "Quality assessment and improvement", "Score data quality and propose mending change sets"),
    _partly("A6", "Automatic classification and security implementation",
            "change sets that grant, revoke and encrypt by classification", FLAWED, CLASSIFIED, MASKED),
    _partly("A7", "Lineage and impact analysis", "a tool for it; provenance is traced for masking only", MASKED),
    _open("A8", "Automatic compliance validation and reports", "Controls per regime, tested, with a report"),
    _partly("A9", "Migration planning and execution", "strategies, timeline, cutover", COPIED, KILLED_COPY),
    _partly("A10", "Automatic transformation and validation", "transformations beyond types", ROWS_ARRIVE, EVERY_TYPE,
            COPIED),
    _partly("A11", "Risk assessment and mitigation", "estimated duration, and a rehearsal on a copy", PROVED_BACKUP),
    _partly("A12", "Automatic rollback and recovery", "rolling back without being asked when a step fails",
            KILLED_BACK, KILLED_POSTGRESQL, FAILING_STEP, PUT_BACK),
    _open("A13", "Backup optimization and scheduling", "Choose method and times from size and change rate"),
    _partly("A14", "Disaster recovery planning and testing", "plans", SIX_PHASES, BACKED_UP),
    _partly("A15", "Automatic recovery and validation", "recovery in place of the live database", BACKED_UP, FLIPPED_BIT),
    _open("A16", "Failure prediction and prevention", "Warn before space, keys or connections run out"),
)  # fmt: skip

GUIDANCE = (
    Promise("G1", "Troubleshooting guides", "kept", (
        f"{GUIDED}test_every_trouble_goes_from_symptom_over_evidence_and_cause_to_a_fix",
        f"{GUIDED}test_what_a_guide_names_exists",
    )),
    Promise("G2", "Best practices", "kept", (
        f"{GUIDED}test_every_best_practice_has_a_reason_a_test_and_engines_where_it_was_shown",
        f"{GUIDED}test_what_a_guide_names_exists",
        f"{GUIDED}test_every_check_of_the_registry_is_explained_by_a_best_practice",
    )),
)  # fmt: skip

PROMISES = (*CAPABILITIES, *PHASES, *INTEGRATIONS, *EXAMPLES, *QUALITY, *DELIVERABLES, *ADVANCED, *GUIDANCE)
