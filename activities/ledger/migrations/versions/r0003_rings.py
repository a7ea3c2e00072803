"""Who was in which ring, and which actions were taken because of it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes a table, and a column that older rows leave empty."""
    op.create_table(
        "rings",
        sa.Column("ring_id", sa.String(length=16), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.String(length=16), nullable=False),
        sa.Column("subject_type", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("ring_id", "place", name=op.f("pk_rings")),
    )
    op.create_index(op.f("ix_rings_case_id"), "rings", ["case_id"], unique=False)
    op.create_index("ix_rings_subject", "rings", ["subject_type", "subject_id"], unique=False)
    op.add_column("actions", sa.Column("ring_id", sa.String(length=16), nullable=True))
    op.create_index("ix_actions_ring_id", "actions", ["ring_id"], unique=False)


def downgrade() -> None:
    """Takes them away again."""
    op.drop_index("ix_actions_ring_id", table_name="actions")
    op.drop_column("actions", "ring_id")
    op.drop_index("ix_rings_subject", table_name="rings")
    op.drop_index(op.f("ix_rings_case_id"), table_name="rings")
    op.drop_table("rings")
