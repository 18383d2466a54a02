"""Jobs in lanes with priorities, their logs, and the register of scratch databases."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add lanes and priorities to jobs; create the tables of their logs and of scratch databases."""
    text, word = sa.Text(), sa.String(40)
    op.add_column("job", sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("job", sa.Column("lane", sa.String(200), nullable=False, server_default=""))
    op.add_column("job", sa.Column("taken_at", word))
    op.add_column("job", sa.Column("taken_done", sa.Float(), nullable=False, server_default="0"))
    op.create_table(
        "job_log",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("job_id", sa.String(32), nullable=False, index=True),
        sa.Column("at", word, nullable=False),
        sa.Column("worker", sa.String(64), nullable=False),
        sa.Column("line", text, nullable=False),
    )
    op.create_table(
        "scratch",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("connection", sa.String(200), nullable=False, index=True),
        sa.Column("place", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("alive_until", sa.Float(), nullable=False, index=True),
    )


def downgrade() -> None:
    """Refuse: an older package opens a backup of the store instead."""
    raise NotImplementedError("restore the backup that was made before the upgrade")
