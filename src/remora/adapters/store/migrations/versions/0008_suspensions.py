"""Who is suspended since an audit, and why differences were accepted."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suspensions",
        sa.Column("wallet", sa.String(length=42), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("wallet"),
    )
    op.create_table(
        "adjustments",
        sa.Column("posting_id", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["posting_id"], ["postings.posting_id"]),
        sa.PrimaryKeyConstraint("posting_id"),
    )


def downgrade() -> None:
    op.drop_table("adjustments")
    op.drop_table("suspensions")
