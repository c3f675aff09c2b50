"""What shares of resolved markets pay."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("lots") as lots:
        lots.add_column(sa.Column("payout", sa.BigInteger))
    # They counted such shares at cost: what was lost on earlier days would be a loss of today.
    op.execute("DELETE FROM baselines WHERE reason = 'DAILY_LOSS'")


def downgrade() -> None:
    with op.batch_alter_table("lots") as lots:
        lots.drop_column("payout")
