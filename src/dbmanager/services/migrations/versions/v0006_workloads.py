"""Snapshots of what databases were asked, to compare two moments."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table of snapshots: counts in clear, texts and samples sealed and expiring."""
    op.create_table(
        "workload",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("connection", sa.String(200), nullable=False, index=True),
        sa.Column("source", sa.String(60), nullable=False),
        sa.Column("taken_at", sa.String(40), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("samples_until", sa.Float(), nullable=False),
    )


def downgrade() -> None:
    """Refuse: an older package opens a backup of the store instead."""
    raise NotImplementedError("restore the backup that was made before the upgrade")
