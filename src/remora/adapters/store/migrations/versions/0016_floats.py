"""Float on its way between operator wallets and the treasury, a request for a rebalance, and what the treasury has."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "float_transfers",
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.Column("wallet", sa.String(length=42), nullable=False),
        sa.Column("kind", sa.String(length=6), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tx_hash"], ["transactions.tx_hash"]),
        sa.PrimaryKeyConstraint("tx_hash"),
    )
    op.create_table(
        "float_request",
        sa.Column("singleton", sa.Integer(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("ceiling", sa.BigInteger(), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("singleton"),
    )
    op.create_table(
        "treasury",
        sa.Column("singleton", sa.Integer(), nullable=False),
        sa.Column("wallet", sa.String(length=42), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("singleton"),
    )


def downgrade() -> None:
    op.drop_table("treasury")
    op.drop_table("float_request")
    op.drop_table("float_transfers")
