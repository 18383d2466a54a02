"""The store's tables, as SQLAlchemy Core; Alembic makes them."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, LargeBinary, MetaData, String, Table, Text

METADATA = MetaData()
HEAD = "0007"
"""The revision this package works with."""

CHANGES = Table(
    "change_set",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("connection", String(200), nullable=False),
    Column("plan", Text, nullable=False),
    Column("plan_hash", String(64), nullable=False),
    Column("state", String(20), nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("project_id", String(32)),
    Column("created_at", String(40), nullable=False),
    Column("lease_owner", String(64)),
    Column("lease_until", Float),
    Column("note", Text, nullable=False, default=""),
)

STEPS = Table(
    "change_step",
    METADATA,
    Column("change_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(20), nullable=False),
    Column("detail", Text, nullable=False, default=""),
    Column("elapsed_seconds", Float),
    Column("progress", Text, nullable=False, default="{}"),
)

IMAGES = Table(
    "before_image",
    METADATA,
    Column("change_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", String(40), nullable=False),
)

APPROVALS = Table(
    "approval",
    METADATA,
    Column("change_id", String(32), primary_key=True),
    Column("plan_hash", String(64), nullable=False),
    Column("approver", String(200), nullable=False),
    Column("method", String(20), nullable=False),
    Column("given_at", String(40), nullable=False),
    Column("expires_at", String(40), nullable=False),
)

SPENT_TOKENS = Table("spent_token", METADATA, Column("digest", String(64), primary_key=True))

AUDIT = Table(
    "audit_log",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", String(40), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(60), nullable=False),
    Column("object", Text, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("detail", Text, nullable=False),
    Column("mac", String(64), nullable=False),
)

PROJECTS = Table(
    "project",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("goal", Text, nullable=False),
    Column("connections", Text, nullable=False),
    Column("created_at", String(40), nullable=False),
)

EVIDENCE = Table(
    "evidence",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("project_id", String(32), nullable=False, index=True),
    Column("kind", String(60), nullable=False),
    Column("title", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", String(40), nullable=False),
)

DECISIONS = Table(
    "decision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("project_id", String(32), nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", String(40), nullable=False),
)

BACKUPS = Table(
    "backup",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("connection", String(200), nullable=False, index=True),
    Column("artifact", Text, nullable=False),
    Column("digests", Text, nullable=False),
    Column("verified_at", String(40)),
    Column("drill", Text),
)

JOBS = Table(
    "job",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("kind", String(60), nullable=False),
    Column("about", String(200), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("created_at", String(40), nullable=False),
    Column("started_at", String(40)),
    Column("reported_at", String(40)),
    Column("ended_at", String(40)),
    Column("done", Float, nullable=False),
    Column("total", Float),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("cancel_requested", Integer, nullable=False),
    Column("result", Text, nullable=False),
    Column("facts", Text),
    Column("lease_owner", String(64)),
    Column("lease_until", Float),
    Column("priority", Integer, nullable=False, default=0),
    Column("lane", String(200), nullable=False, default=""),
    Column("taken_at", String(40)),
    Column("taken_done", Float, nullable=False, default=0.0),
    Column("principal", Text, nullable=False, default=""),
)

JOB_LOG = Table(
    "job_log",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("job_id", String(32), nullable=False, index=True),
    Column("at", String(40), nullable=False),
    Column("worker", String(64), nullable=False),
    Column("line", Text, nullable=False),
)

SCRATCH = Table(
    "scratch",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("connection", String(200), nullable=False, index=True),
    Column("place", LargeBinary, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("alive_until", Float, nullable=False, index=True),
)

WORKERS = Table(
    "worker",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("seen_at", Float, nullable=False),
)

RESULTS = Table(
    "kept_result",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("title", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
    Column("principal", String(200), nullable=False, default=""),
)

DECIDED_LABELS = Table(
    "decided_label",
    METADATA,
    Column("connection", String(200), primary_key=True),
    Column("table_schema", String(200), primary_key=True),
    Column("table_name", String(200), primary_key=True),
    Column("column_name", String(400), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("change_id", String(32), nullable=False),
    Column("decided_at", String(40), nullable=False),
)

DISCLOSURES = Table(
    "disclosure",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("connection", String(200), nullable=False, index=True),
    Column("columns", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rows_left", Integer, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("principal", String(200), nullable=False, default=""),
)

WORKLOADS = Table(
    "workload",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("connection", String(200), nullable=False, index=True),
    Column("source", String(60), nullable=False),
    Column("taken_at", String(40), nullable=False),
    Column("counts", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("samples_until", Float, nullable=False),
)

METRIC_MOMENTS = Table(
    "metric_moment",
    METADATA,
    Column("connection", String(200), primary_key=True),
    Column("taken_at", Float, primary_key=True),
    Column("figures", LargeBinary, nullable=False),
)
"""`figures` is JSON, packed by zlib to a quarter of its size."""

ALERT_STATES = Table(
    "alert_state",
    METADATA,
    Column("connection", String(200), primary_key=True),
    Column("rule", String(60), primary_key=True),
    Column("object", String(400), primary_key=True),
    Column("is_firing", Integer, nullable=False),
    Column("streak", Integer, nullable=False),
    Column("value", Float, nullable=False),
    Column("since", Float, nullable=False),
    Column("untold", Integer, nullable=False),
)
"""`untold` is 1 while a change of state has not been delivered."""

REVIEWS = Table(
    "review",
    METADATA,
    Column("connection", String(200), primary_key=True),
    Column("taken_at", String(40), nullable=False),
    Column("findings", Text, nullable=False),
)
"""What the last review of a connection found, as (check, object); the next one is compared with it."""
