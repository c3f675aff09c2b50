"""The registry of leaders."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "leaders",
        sa.Column("wallet", sa.String(length=42), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("wallet"),
        sa.UniqueConstraint("label", name="one_leader_per_label"),
    )


def downgrade() -> None:
    op.drop_table("leaders")
