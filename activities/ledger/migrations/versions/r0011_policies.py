"""Policies of closed cases, once a version instead of in every snapshot."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "policies",
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("playbook", sa.String(length=64), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", "playbook", name=op.f("pk_policies")),
    )


def downgrade() -> None:
    """Drops it."""
    op.drop_table("policies")
