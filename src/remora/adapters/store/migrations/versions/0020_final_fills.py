"""Which fills are in blocks that are not taken back any more."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("fills") as fills:
        fills.add_column(sa.Column("final", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("fills") as fills:
        fills.alter_column("final", server_default=None)
    op.create_index("fills_not_final", "fills", ["block_number"], sqlite_where=sa.text("final IS 0"))
    # Nobody looked for older ones before.
    op.execute("UPDATE fills SET final = 1 WHERE block_number < (SELECT block_number FROM cursor) - 2000")


def downgrade() -> None:
    op.drop_index("fills_not_final", table_name="fills")
    with op.batch_alter_table("fills") as fills:
        fills.drop_column("final")
