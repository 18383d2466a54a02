"""Jobs with their workers, and results kept for reading on."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables of jobs, workers and kept results."""
    text, word = sa.Text(), sa.String(40)
    op.create_table(
        "job",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("about", sa.String(200), nullable=False),
        sa.Column("arguments", text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False, index=True),
        sa.Column("created_at", word, nullable=False),
        sa.Column("started_at", word),
        sa.Column("reported_at", word),
        sa.Column("ended_at", word),
        sa.Column("done", sa.Float(), nullable=False),
        sa.Column("total", sa.Float()),
        sa.Column("message", text, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Integer(), nullable=False),
        sa.Column("result", text, nullable=False),
        sa.Column("facts", text),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", sa.Float()),
    )
    op.create_table(
        "worker",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("seen_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "kept_result",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("title", text, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False, index=True),
    )


def downgrade() -> None:
    """Refuse: an older package opens a backup of the store instead."""
    raise NotImplementedError("restore the backup that was made before the upgrade")
