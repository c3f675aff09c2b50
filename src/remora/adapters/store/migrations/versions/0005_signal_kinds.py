"""Signals have a kind, and exits what the leader held before."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("signals", schema=None) as signals:
        # What is stored are trades: the default says so, and goes.
        signals.add_column(sa.Column("kind", sa.String(length=10), nullable=False, server_default="trade"))
        signals.add_column(sa.Column("held_before", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("signals", schema=None) as signals:
        signals.alter_column("kind", existing_type=sa.String(length=10), server_default=None)


def downgrade() -> None:
    """Forget the kinds: exits that are no trades stay, as sales for nothing."""
    with op.batch_alter_table("signals", schema=None) as signals:
        signals.drop_column("held_before")
        signals.drop_column("kind")
