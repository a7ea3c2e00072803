"""The channel that a case is shown in, for a look at all that wait there."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; cases of before have none, and are not waiting any more."""
    op.add_column("cases", sa.Column("channel", sa.String(length=80), nullable=True))
    op.create_index("ix_cases_channel_opened", "cases", ["channel", "opened_at"], unique=False)


def downgrade() -> None:
    """Drops it."""
    op.drop_index("ix_cases_channel_opened", table_name="cases")
    op.drop_column("cases", "channel")
