"""Debts are tried with patience, collected in parts, and written off."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NAMES = ("collected", "written_off", "written_off_us", "why", "tries", "tried_us", "next_try_us")


def upgrade() -> None:
    op.add_column("debts", sa.Column("collected", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("debts", sa.Column("written_off", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("debts", sa.Column("written_off_us", sa.BigInteger()))
    op.add_column("debts", sa.Column("why", sa.Text()))
    op.add_column("debts", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("debts", sa.Column("tried_us", sa.BigInteger()))
    op.add_column("debts", sa.Column("next_try_us", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE debts SET collected = due WHERE recovered_us IS NOT NULL")
    op.create_table(
        "debt_legs",
        sa.Column("settlement_id", sa.String(length=66), nullable=False),
        sa.Column("debt_id", sa.String(length=66), nullable=False),
        sa.ForeignKeyConstraint(["settlement_id"], ["legs.settlement_id"]),
        sa.ForeignKeyConstraint(["debt_id"], ["debts.settlement_id"]),
        sa.PrimaryKeyConstraint("settlement_id"),
    )
    op.create_index("debt_legs_by_debt", "debt_legs", ["debt_id"], unique=False)
    op.execute("INSERT INTO debt_legs (settlement_id, debt_id) SELECT settlement_id, settlement_id FROM debts")


def downgrade() -> None:
    op.drop_index("debt_legs_by_debt", table_name="debt_legs")
    op.drop_table("debt_legs")
    for name in NAMES:
        op.drop_column("debts", name)
