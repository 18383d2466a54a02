"""Whom jobs, kept answers and disclosures belong to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the principal; what was kept before belongs to nobody, except jobs: to the process's own user."""
    op.add_column("job", sa.Column("principal", sa.Text(), nullable=False, server_default=""))
    op.add_column("kept_result", sa.Column("principal", sa.String(200), nullable=False, server_default=""))
    op.add_column("disclosure", sa.Column("principal", sa.String(200), nullable=False, server_default=""))


def downgrade() -> None:
    """Refuse: an older package opens a backup of the store instead."""
    raise NotImplementedError("restore the backup that was made before the upgrade")
