"""Who covers for whom, what people spend of their budget, and what a case waits for."""

import sqlalchemy as sa
from alembic import op

from activities.ledger.tables import Utc

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW_IN_CASES = ("approval_purpose", "approval_barred", "hold", "hold_until")


def upgrade() -> None:
    """Makes two tables, and four columns that older rows leave empty."""
    op.create_table(
        "covers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("covers_for", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("until", Utc(), nullable=False),
        sa.Column("ended_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_covers")),
    )
    op.create_index(op.f("ix_covers_person"), "covers", ["person"], unique=False)
    op.create_index(op.f("ix_covers_covers_for"), "covers", ["covers_for"], unique=False)
    op.create_table(
        "spending",
        sa.Column("key", sa.String(length=256), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("actions", sa.Integer(), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_spending")),
    )
    op.create_index("ix_spending_person_at", "spending", ["person", "at"], unique=False)
    op.add_column("cases", sa.Column("approval_purpose", sa.String(length=32), nullable=True))
    op.add_column("cases", sa.Column("approval_barred", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("cases", sa.Column("hold", sa.String(length=32), nullable=True))
    op.add_column("cases", sa.Column("hold_until", Utc(), nullable=True))


def downgrade() -> None:
    """Takes them away again."""
    for column in reversed(NEW_IN_CASES):
        op.drop_column("cases", column)
    op.drop_index("ix_spending_person_at", table_name="spending")
    op.drop_table("spending")
    op.drop_index(op.f("ix_covers_covers_for"), table_name="covers")
    op.drop_index(op.f("ix_covers_person"), table_name="covers")
    op.drop_table("covers")
