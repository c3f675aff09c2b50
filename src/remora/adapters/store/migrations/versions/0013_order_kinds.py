"""How an intent's order waits for a counterpart, and until when an order rests in the book."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What was decided so far was filled at once or killed: the defaults say so, and go.
    with op.batch_alter_table("intents") as intents:
        intents.add_column(sa.Column("kind", sa.String(length=3), nullable=False, server_default="FAK"))
        intents.add_column(sa.Column("rest_s", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("intents") as intents:
        intents.alter_column("kind", server_default=None)
        intents.alter_column("rest_s", server_default=None)
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("rests_until_us", sa.BigInteger()))


def downgrade() -> None:
    with op.batch_alter_table("orders") as orders:
        orders.drop_column("rests_until_us")
    with op.batch_alter_table("intents") as intents:
        intents.drop_column("rest_s")
        intents.drop_column("kind")
