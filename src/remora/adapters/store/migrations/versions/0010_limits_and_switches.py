"""What limits, protections and switches rest on: lots with their cost, spending, results; a leader's pause is a switch.

What was allocated before is folded into lots, spending and results, in the order of its decisions.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

DAY_US = 86_400_000_000

ALLOCATED = sa.text("""
    SELECT i.intent_id, i.policy_id, i.token_id, i.follower, i.side, i.decided_us, s.leader,
           a.shares, a.collateral, a.fee
    FROM allocations a JOIN intents i ON i.intent_id = a.intent_id JOIN signals s ON s.signal_id = i.signal_id
    WHERE a.shares > 0 ORDER BY i.decided_us, a.rowid
""")

SPEND = """
    INSERT INTO spending VALUES (:day, :policy, :follower, :leader, :paid)
    ON CONFLICT DO UPDATE SET spent = spent + :paid
"""

REALISE = """
    INSERT INTO results VALUES (:scope, :subject, :gain, :lost) ON CONFLICT DO UPDATE
    SET realised = realised + :gain, losses_in_row = CASE WHEN :lost THEN losses_in_row + 1 ELSE 0 END
"""

PAUSED = """
    INSERT INTO switches SELECT 'leader', wallet, 'pause', NULL, NULL, added_us, NULL FROM leaders WHERE paused
"""

DENIED = """
    UPDATE denials SET reason = 'PAUSED',
    facts = json_object('whom', 'leader ' || json_extract(facts, '$.leader'), 'why', 'by hand')
    WHERE reason = 'LEADER_PAUSED'
"""


def upgrade() -> None:
    _create()
    op.execute(PAUSED)
    op.execute(DENIED)
    with op.batch_alter_table("leaders") as leaders:
        leaders.drop_column("paused")
    with op.batch_alter_table("intents") as intents:
        intents.add_column(sa.Column("fee_bound", sa.BigInteger(), nullable=False, server_default="0"))
        intents.add_column(sa.Column("condition_id", sa.String(length=66)))
        intents.add_column(sa.Column("decided_us", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE intents SET decided_us = (SELECT stored_us FROM signals s WHERE s.signal_id = intents.signal_id)"
    )
    with op.batch_alter_table("intents") as intents:
        intents.alter_column("fee_bound", server_default=None)
        intents.alter_column("decided_us", server_default=None)
    op.create_index("intents_by_time", "intents", ["decided_us"])
    with op.batch_alter_table("allocations") as allocations:
        allocations.add_column(sa.Column("basis", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("allocations") as allocations:
        allocations.alter_column("basis", server_default=None)
    _fold()


def _create() -> None:
    op.create_table(
        "lots",
        sa.Column("policy_id", sa.Text(), nullable=False),
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("follower", sa.String(length=42), nullable=False),
        sa.Column("leader", sa.String(length=42), nullable=False),
        sa.Column("condition_id", sa.String(length=66)),
        sa.Column("shares", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("policy_id", "token_id"),
    )
    op.create_index("lots_by_owner", "lots", ["follower", "leader", "policy_id", "token_id", "cost"])
    op.create_index("lots_by_token", "lots", ["token_id"])
    op.create_index("lots_by_market", "lots", ["condition_id"])
    op.create_table(
        "spending",
        sa.Column("day_us", sa.BigInteger(), nullable=False),
        sa.Column("policy_id", sa.Text(), nullable=False),
        sa.Column("follower", sa.String(length=42), nullable=False),
        sa.Column("leader", sa.String(length=42), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day_us", "policy_id"),
    )
    op.create_table(
        "results",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("realised", sa.BigInteger(), nullable=False),
        sa.Column("losses_in_row", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "subject"),
    )
    op.create_table(
        "baselines",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("result", sa.BigInteger(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "subject", "reason"),
    )
    op.create_table(
        "switches",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("halt", sa.String(length=5), nullable=False),
        sa.Column("reason", sa.String(length=32)),
        sa.Column("facts", sa.Text()),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("scope", "subject", "halt"),
    )


def _fold() -> None:
    lots: dict[tuple[str, str], tuple[int, int]] = {}
    for row in op.get_bind().execute(ALLOCATED).all():
        key = (row.policy_id, row.token_id)
        shares, cost = lots.get(key, (0, 0))
        if row.side == "BUY":
            paid = row.collateral + row.fee
            lots[key] = (shares + row.shares, cost + paid)
            _run(SPEND, day=row.decided_us // DAY_US * DAY_US, paid=paid, **_owner(row))
        else:
            sold = min(row.shares, shares)
            basis = cost * sold // shares if shares else 0
            lots[key] = (shares - sold, cost - basis)
            _run("UPDATE allocations SET basis = :basis WHERE intent_id = :intent", basis=basis, intent=row.intent_id)
            _realise(row, row.collateral - row.fee - basis)
        shares, cost = lots[key]
        _run("INSERT OR REPLACE INTO lots VALUES (:policy, :token, :follower, :leader, NULL, :shares, :cost)",
             token=row.token_id, shares=shares, cost=cost, **_owner(row))  # fmt: skip
    bought = "SELECT intent_id FROM intents WHERE side = 'BUY'"
    _run(f"UPDATE allocations SET basis = collateral + fee WHERE intent_id IN ({bought})")  # noqa: S608  no input in it
    _run("DELETE FROM lots WHERE shares = 0")


def _realise(row: Any, gain: int) -> None:
    owner = _owner(row)
    subjects = (
        ("policy", owner["policy"]),
        ("follower", owner["follower"]),
        ("leader", owner["leader"]),
        ("service", ""),
    )
    for scope, subject in subjects:
        _run(REALISE, scope=scope, subject=subject, gain=gain, lost=int(gain < 0))


def _owner(row: Any) -> dict[str, str]:
    return {"policy": row.policy_id, "follower": row.follower, "leader": row.leader}


def _run(statement: str, **values: int | str) -> None:
    op.get_bind().execute(sa.text(statement), values)


def downgrade() -> None:
    with op.batch_alter_table("allocations") as allocations:
        allocations.drop_column("basis")
    op.drop_index("intents_by_time", table_name="intents")
    with op.batch_alter_table("intents") as intents:
        intents.drop_column("decided_us")
        intents.drop_column("condition_id")
        intents.drop_column("fee_bound")
    with op.batch_alter_table("leaders") as leaders:
        leaders.add_column(sa.Column("paused", sa.Boolean(), nullable=False, server_default="0"))
    paused = "SELECT subject FROM switches WHERE scope = 'leader' AND halt = 'pause'"
    op.execute(f"UPDATE leaders SET paused = 1 WHERE wallet IN ({paused})")  # noqa: S608  no input in it
    with op.batch_alter_table("leaders") as leaders:
        leaders.alter_column("paused", server_default=None)
    for table in ("switches", "baselines", "results", "spending", "lots"):
        op.drop_table(table)
