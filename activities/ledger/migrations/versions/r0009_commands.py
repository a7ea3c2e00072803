"""Whether Koban may act by itself, which look-ups showed personal data, and the newest cases."""

import sqlalchemy as sa
from alembic import op

from activities.ledger.tables import Utc

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes a table, a column that is false in older rows, and an index."""
    op.create_table(
        "automation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("playbook", sa.String(length=64), nullable=True),
        sa.Column("until", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_automation")),
    )
    op.add_column(
        "lookups",
        sa.Column("revealed", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.create_index("ix_cases_opened_at", "cases", ["opened_at", "id"], unique=False)


def downgrade() -> None:
    """Takes them away again."""
    op.drop_index("ix_cases_opened_at", table_name="cases")
    op.drop_column("lookups", "revealed")
    op.drop_table("automation")
