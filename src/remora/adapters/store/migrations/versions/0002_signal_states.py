"""Signals have a source, a state and a block hash, and may be in no block."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OF_A_BLOCK = ("block_number", "log_index", "block_us")


def upgrade() -> None:
    with op.batch_alter_table("signals", schema=None) as signals:
        for name in OF_A_BLOCK:
            signals.alter_column(name, existing_type=sa.BigInteger(), nullable=True)
        signals.add_column(sa.Column("block_hash", sa.String(length=66), nullable=True))
        # What is stored was read from blocks: the defaults say so, and go.
        signals.add_column(sa.Column("source", sa.String(length=8), nullable=False, server_default="chain"))
        signals.add_column(sa.Column("state", sa.String(length=9), nullable=False, server_default="mined"))
        signals.add_column(sa.Column("mined_heard_us", sa.BigInteger(), nullable=True))
    op.execute("UPDATE signals SET mined_heard_us = heard_us")
    with op.batch_alter_table("signals", schema=None) as signals:
        signals.alter_column("source", existing_type=sa.String(length=8), server_default=None)
        signals.alter_column("state", existing_type=sa.String(length=9), server_default=None)
        signals.create_index("signals_by_block", ["block_number"], unique=False)
        signals.create_index("signals_by_state", ["state"], unique=False)


def downgrade() -> None:
    """Forget what has no place in the older tables: signals that are in no block."""
    op.execute("DELETE FROM intents WHERE signal_id IN (SELECT signal_id FROM signals WHERE block_number IS NULL)")
    op.execute("DELETE FROM denials WHERE signal_id IN (SELECT signal_id FROM signals WHERE block_number IS NULL)")
    op.execute("DELETE FROM signals WHERE block_number IS NULL")
    with op.batch_alter_table("signals", schema=None) as signals:
        signals.drop_index("signals_by_state")
        signals.drop_index("signals_by_block")
        for name in ("mined_heard_us", "state", "source", "block_hash"):
            signals.drop_column(name)
        for name in OF_A_BLOCK:
            signals.alter_column(name, existing_type=sa.BigInteger(), nullable=False)
