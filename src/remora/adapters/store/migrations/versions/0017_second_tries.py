"""Which order's rest an order tries once more."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("rest_of", sa.String(length=66)))
        orders.create_index("orders_by_first", ["rest_of"])


def downgrade() -> None:
    with op.batch_alter_table("orders") as orders:
        orders.drop_index("orders_by_first")
        orders.drop_column("rest_of")
