"""Labels that a person decided, and disclosures that a person approved."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables of decided labels and of disclosures."""
    name, word = sa.String(200), sa.String(40)
    op.create_table(
        "decided_label",
        sa.Column("connection", name, primary_key=True),
        sa.Column("table_schema", name, primary_key=True),
        sa.Column("table_name", name, primary_key=True),
        sa.Column("column_name", sa.String(400), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("change_id", sa.String(32), nullable=False),
        sa.Column("decided_at", word, nullable=False),
    )
    op.create_table(
        "disclosure",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("connection", name, nullable=False, index=True),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rows_left", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
    )


def downgrade() -> None:
    """Refuse: an older package opens a backup of the store instead."""
    raise NotImplementedError("restore the backup that was made before the upgrade")
