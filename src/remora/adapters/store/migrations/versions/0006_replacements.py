"""An account nonce may have several transactions, of which a block takes one; what gas that used is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("transactions", schema=None, recreate="always") as transactions:
        transactions.add_column(
            sa.Column("attempt", sa.Integer(), nullable=False, server_default="0"), insert_after="nonce"
        )
        transactions.add_column(sa.Column("gas_used", sa.BigInteger(), nullable=True))
        transactions.drop_constraint("one_transaction_per_wallet_and_nonce", type_="unique")
        transactions.create_unique_constraint("one_transaction_per_attempt", ["wallet", "nonce", "attempt"])
    # Every transaction so far was the first of its account nonce: the default says so, and goes.
    with op.batch_alter_table("transactions", schema=None) as transactions:
        transactions.alter_column("attempt", existing_type=sa.Integer(), server_default=None)


def downgrade() -> None:
    """Forget what shall replace, or was replaced: the older table has one transaction per account nonce."""
    op.execute("DELETE FROM transactions WHERE state = 'replaced' OR (state = 'recorded' AND attempt > 0)")
    with op.batch_alter_table("transactions", schema=None) as transactions:
        transactions.drop_constraint("one_transaction_per_attempt", type_="unique")
        transactions.create_unique_constraint("one_transaction_per_wallet_and_nonce", ["wallet", "nonce"])
        transactions.drop_column("gas_used")
        transactions.drop_column("attempt")
