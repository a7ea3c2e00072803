"""Hidden evidence: who was shown what and when, and which images lie at Slack already."""

import sqlalchemy as sa
from alembic import op

from activities.ledger.tables import Utc

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "exposures",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("detector", sa.String(length=256), nullable=False),
        sa.Column("alert_id", sa.String(length=256), nullable=False),
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.String(length=16), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint(
            "person", "detector", "alert_id", "item", name=op.f("pk_exposures")
        ),
    )
    op.create_index("ix_exposures_person_at", "exposures", ["person", "at"], unique=False)
    op.create_table(
        "evidence_files",
        sa.Column("detector", sa.String(length=256), nullable=False),
        sa.Column("alert_id", sa.String(length=256), nullable=False),
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file_id", sa.String(length=64), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("detector", "alert_id", "item", name=op.f("pk_evidence_files")),
    )


def downgrade() -> None:
    """Drops them."""
    op.drop_table("evidence_files")
    op.drop_index("ix_exposures_person_at", table_name="exposures")
    op.drop_table("exposures")
