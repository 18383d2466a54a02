"""The first version of the store."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    text, word = sa.Text(), sa.String(40)
    op.create_table(
        "change_set",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("connection", sa.String(200), nullable=False),
        sa.Column("plan", text, nullable=False),
        sa.Column("plan_hash", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("fingerprint", text, nullable=False),
        sa.Column("project_id", sa.String(32)),
        sa.Column("created_at", word, nullable=False),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", sa.Float()),
        sa.Column("note", text, nullable=False),
    )
    op.create_table(
        "change_step",
        sa.Column("change_id", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("detail", text, nullable=False),
        sa.Column("elapsed_seconds", sa.Float()),
        sa.Column("progress", text, nullable=False),
    )
    op.create_table(
        "before_image",
        sa.Column("change_id", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", word, nullable=False),
    )
    op.create_table(
        "approval",
        sa.Column("change_id", sa.String(32), primary_key=True),
        sa.Column("plan_hash", sa.String(64), nullable=False),
        sa.Column("approver", sa.String(200), nullable=False),
        sa.Column("method", sa.String(20), nullable=False),
        sa.Column("given_at", word, nullable=False),
        sa.Column("expires_at", word, nullable=False),
    )
    op.create_table("spent_token", sa.Column("digest", sa.String(64), primary_key=True))
    op.create_table(
        "audit_log",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", word, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("object", text, nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("detail", text, nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
    )
    op.create_table(
        "project",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("goal", text, nullable=False),
        sa.Column("connections", text, nullable=False),
        sa.Column("created_at", word, nullable=False),
    )
    for name, fields in (("evidence", ("kind", "title", "payload")), ("decision", ("title", "reason"))):
        op.create_table(
            name,
            sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
            sa.Column("project_id", sa.String(32), nullable=False, index=True),
            *(sa.Column(field, sa.String(60) if field == "kind" else text, nullable=False) for field in fields),
            sa.Column("created_at", word, nullable=False),
        )
    op.create_table(
        "backup",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("connection", sa.String(200), nullable=False, index=True),
        sa.Column("artifact", text, nullable=False),
        sa.Column("digests", text, nullable=False),
        sa.Column("verified_at", word),
        sa.Column("drill", text),
    )


def downgrade() -> None:
    """Refuse: an older package opens a backup of the store instead."""
    raise NotImplementedError("restore the backup that was made before the upgrade")
