"""What sells the shares of a debt and what that brought, fills that came after the end, and the ledger's sums."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "debt_sales",
        sa.Column("intent_id", sa.String(length=66), sa.ForeignKey("intents.intent_id"), nullable=False),
        sa.Column("debt_id", sa.String(length=66), sa.ForeignKey("debts.settlement_id"), nullable=False),
        sa.PrimaryKeyConstraint("intent_id"),
    )
    op.create_index("debt_sales_by_debt", "debt_sales", ["debt_id"])
    op.create_table(
        "late_fills",
        sa.Column("order_hash", sa.String(length=66), nullable=False),
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("order_hash", "tx_hash"),
        sa.ForeignKeyConstraint(["order_hash", "tx_hash"], ["fills.order_hash", "fills.tx_hash"]),
    )
    op.create_table(
        "ledger_sums",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "asset"),
    )
    op.execute("INSERT INTO ledger_sums SELECT account, asset, sum(units) FROM entries GROUP BY account, asset")
    op.add_column("debts", sa.Column("sold", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("debts") as debts:
        debts.drop_column("sold")
    op.drop_table("ledger_sums")
    op.drop_table("late_fills")
    op.drop_index("debt_sales_by_debt", "debt_sales")
    op.drop_table("debt_sales")
