"""Policies and bounds, one row for each, with the revision of its latest change."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rules",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("document", sa.Text()),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "subject"),
    )
    op.create_index("rules_by_revision", "rules", ["revision"], unique=False)


def downgrade() -> None:
    op.drop_index("rules_by_revision", table_name="rules")
    op.drop_table("rules")
