"""What databases measured over time, and how alerts stand."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables of moments, of alert states and of reviews."""
    op.create_table(
        "metric_moment",
        sa.Column("connection", sa.String(200), primary_key=True),
        sa.Column("taken_at", sa.Float(), primary_key=True),
        sa.Column("figures", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "alert_state",
        sa.Column("connection", sa.String(200), primary_key=True),
        sa.Column("rule", sa.String(60), primary_key=True),
        sa.Column("object", sa.String(400), primary_key=True),
        sa.Column("is_firing", sa.Integer(), nullable=False),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("untold", sa.Integer(), nullable=False),
    )
    op.create_table(
        "review",
        sa.Column("connection", sa.String(200), primary_key=True),
        sa.Column("taken_at", sa.String(40), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Refuse: an older package opens a backup of the store instead."""
    raise NotImplementedError("restore the backup that was made before the upgrade")
