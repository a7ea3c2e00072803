"""Who ended a cover: the lead who gave it, another one, or an admin."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; of covers that were ended before nobody knows."""
    op.add_column("covers", sa.Column("ended_by", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Drops it."""
    op.drop_column("covers", "ended_by")
