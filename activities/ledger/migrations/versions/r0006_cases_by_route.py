"""Cases are found by where they run: an alert looks for one that was reopened elsewhere."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the index."""
    op.create_index(op.f("ix_cases_route"), "cases", ["route"], unique=False)


def downgrade() -> None:
    """Drops it."""
    op.drop_index(op.f("ix_cases_route"), table_name="cases")
