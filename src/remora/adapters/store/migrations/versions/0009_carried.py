"""What policies keep of copies that were too small, by token."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "carried",
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("policy_id", sa.Text(), nullable=False),
        sa.Column("collateral", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_id", "policy_id"),
    )


def downgrade() -> None:
    op.drop_table("carried")
