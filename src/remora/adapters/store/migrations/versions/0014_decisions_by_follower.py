"""What was decided for a follower, what a leader did, what was settled since, who holds how much: by index alone."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

OWNER = ["follower", "leader", "policy_id", "token_id", "cost"]


def upgrade() -> None:
    op.add_column("intents", sa.Column("sized", sa.Text()))
    op.create_index("signals_by_leader", "signals", ["leader", "heard_us"], unique=False)
    op.create_index("intents_by_follower", "intents", ["follower", "signal_id"], unique=False)
    op.create_index("denials_by_follower", "denials", ["follower", "signal_id"], unique=False)
    op.create_index("legs_by_time", "legs", ["settled_us"], unique=False)
    op.drop_index("lots_by_owner", table_name="lots")
    with op.batch_alter_table("lots") as lots:
        lots.add_column(sa.Column("resolved", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("lots") as lots:
        lots.alter_column("resolved", server_default=None)
    op.create_index("lots_by_owner", "lots", [*OWNER, "shares"], sqlite_where=sa.text("resolved IS 0"))
    op.execute(
        "UPDATE lots SET resolved = 1 WHERE token_id IN (SELECT token_id FROM signals WHERE kind = 'redemption')"
    )
    op.execute("UPDATE lots SET resolved = 1 WHERE condition_id IN (SELECT condition_id FROM lots WHERE resolved)")


def downgrade() -> None:
    op.drop_index("lots_by_owner", table_name="lots")
    with op.batch_alter_table("lots") as lots:
        lots.drop_column("resolved")
    op.create_index("lots_by_owner", "lots", OWNER, unique=False)
    op.drop_index("legs_by_time", table_name="legs")
    op.drop_index("denials_by_follower", table_name="denials")
    op.drop_index("intents_by_follower", table_name="intents")
    op.drop_index("signals_by_leader", table_name="signals")
    with op.batch_alter_table("intents") as intents:
        intents.drop_column("sized")
