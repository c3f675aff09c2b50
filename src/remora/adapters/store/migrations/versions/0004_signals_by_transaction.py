"""Signals are found by their transaction."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("signals_by_transaction", "signals", ["tx_hash"], unique=False)


def downgrade() -> None:
    op.drop_index("signals_by_transaction", table_name="signals")
