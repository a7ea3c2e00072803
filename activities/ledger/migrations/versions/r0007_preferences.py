"""What people chose for themselves: the language in which Koban writes to them."""

import sqlalchemy as sa
from alembic import op

from activities.ledger.tables import Utc

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "preferences",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_preferences")),
    )


def downgrade() -> None:
    """Drops it."""
    op.drop_table("preferences")
