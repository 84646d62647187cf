"""The store keeps explanations and payment curves of every customer beside the score."""

from __future__ import annotations

from alembic import op

from serving.store.tables import KEPT_ANSWERS

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, unless the first revision made it with the newest tables."""
    KEPT_ANSWERS.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop the table: all that it holds can be computed again."""
    op.drop_table(KEPT_ANSWERS.name)
