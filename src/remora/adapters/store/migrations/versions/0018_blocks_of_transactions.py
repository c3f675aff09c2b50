"""Which block ended a transaction's account nonce."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("transactions") as transactions:
        transactions.add_column(sa.Column("block_number", sa.BigInteger))
        transactions.add_column(sa.Column("block_hash", sa.String(length=66)))
        transactions.create_index("transactions_by_end", ["mined_us"])
        transactions.create_index("transactions_by_block", ["block_hash"])


def downgrade() -> None:
    with op.batch_alter_table("transactions") as transactions:
        transactions.drop_index("transactions_by_block")
        transactions.drop_index("transactions_by_end")
        transactions.drop_column("block_hash")
        transactions.drop_column("block_number")
