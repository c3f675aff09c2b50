"""The tables, in SQLAlchemy Core. Migrations create them; a test proves that both agree.

Amounts are integers in base units; token ids and wei are text, being wider than SQLite's 63 bits. Times are integer
microseconds of the wall clock (`…_us`). Uniqueness is the database's job: each identity of the design is a key here.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

cursor = Table(
    "cursor",
    metadata,
    Column("singleton", Integer, primary_key=True),  # always 1: there is one cursor
    Column("block_number", BigInteger, nullable=False),
)

leaders = Table(
    "leaders",
    metadata,
    Column("wallet", String(42), primary_key=True),
    Column("label", Text, nullable=False),
    Column("added_us", BigInteger, nullable=False),
    UniqueConstraint("label", name="one_leader_per_label"),
)

rules = Table(
    "rules",
    metadata,
    Column("scope", String(8), primary_key=True),
    Column("subject", Text, primary_key=True),  # a policy id, a wallet, or empty for the service
    Column("document", Text),  # as JSON; none: removed, so that who follows the revisions learns of it
    Column("revision", BigInteger, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
)
Index("rules_by_revision", rules.c.revision)

fleet_size = Table(
    "fleet_size",
    metadata,
    Column("singleton", Integer, primary_key=True),  # always 1, once the fleet was resized
    Column("size", Integer, nullable=False),
)

fleet_wallets = Table(
    "fleet_wallets",
    metadata,
    Column("wallet", String(42), primary_key=True),
    Column("position", Integer, nullable=False),  # the derivation index
    Column("retired", Boolean, nullable=False),
    Column("state", String(9), nullable=False),
    Column("why", Text, nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("promised", BigInteger, nullable=False),
    Column("native", Text),
    Column("nonce", BigInteger),
    Column("missing", Integer),  # approvals that it has not given
    Column("seen_us", BigInteger, nullable=False),
)

signals = Table(
    "signals",
    metadata,
    Column("signal_id", String(66), primary_key=True),
    Column("chain_id", BigInteger, nullable=False),
    Column("exchange", String(42), nullable=False),
    Column("order_hash", String(66), nullable=False),
    Column("tx_hash", String(66), nullable=False),
    Column("leader", String(42), nullable=False),
    Column("role", String(5), nullable=False),
    Column("side", String(4), nullable=False),
    Column("token_id", Text, nullable=False),
    Column("shares", BigInteger, nullable=False),
    Column("collateral", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("block_number", BigInteger),  # with block hash, index and time: of the block it is in, or was in last
    Column("log_index", BigInteger),
    Column("heard_us", BigInteger, nullable=False),
    Column("block_us", BigInteger),
    Column("stored_us", BigInteger, nullable=False),
    Column("block_hash", String(66)),
    Column("source", String(8), nullable=False),  # who told us first
    Column("state", String(9), nullable=False),
    Column("mined_heard_us", BigInteger),  # when we heard of its block; less heard_us: what the source was ahead
    Column("kind", String(10), nullable=False),
    Column("held_before", BigInteger),  # what the leader held of the token right before an exit, if that is known
    UniqueConstraint("chain_id", "exchange", "order_hash", "tx_hash", name="one_signal_per_leader_fill"),
)
Index("signals_by_block", signals.c.block_number)
Index("signals_by_state", signals.c.state)
Index("signals_by_transaction", signals.c.tx_hash)
Index("signals_by_leader", signals.c.leader, signals.c.heard_us)

intents = Table(
    "intents",
    metadata,
    Column("intent_id", String(66), primary_key=True),
    Column("signal_id", ForeignKey("signals.signal_id"), nullable=False),
    Column("policy_id", Text, nullable=False),
    Column("follower", String(42), nullable=False),
    Column("side", String(4), nullable=False),
    Column("token_id", Text, nullable=False),
    Column("limit_price", BigInteger, nullable=False),
    Column("budget", BigInteger, nullable=False),
    Column("shares", BigInteger, nullable=False),
    Column("deadline_us", BigInteger, nullable=False),
    Column("state", String(12), nullable=False),
    Column("reason", String(32)),  # why it failed
    Column("facts", Text),  # JSON object of the reason's facts
    Column("fee_bound", BigInteger, nullable=False),  # what fees may add to the budget at most
    Column("condition_id", String(66)),  # the market, if it was known
    Column("decided_us", BigInteger, nullable=False),
    Column("kind", String(3), nullable=False),
    Column("rest_s", Integer, nullable=False),
    Column("sized", Text),  # JSON object: what made it as large as it is
    UniqueConstraint("signal_id", "policy_id", name="one_intent_per_signal_and_policy"),
)
Index("intents_by_state", intents.c.state)
Index("intents_by_time", intents.c.decided_us)
Index("intents_by_token", intents.c.token_id, intents.c.policy_id)
Index("intents_by_follower", intents.c.follower, intents.c.signal_id)

denials = Table(
    "denials",
    metadata,
    Column("signal_id", ForeignKey("signals.signal_id"), primary_key=True),
    Column("policy_id", Text, primary_key=True),
    Column("follower", String(42), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("facts", Text, nullable=False),
)
Index("denials_by_follower", denials.c.follower, denials.c.signal_id)

carried = Table(
    "carried",
    metadata,
    Column("token_id", Text, primary_key=True),
    Column("policy_id", Text, primary_key=True),
    Column("collateral", BigInteger, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("order_hash", String(66), primary_key=True),
    Column("wallet", String(42), nullable=False),
    Column("neg_risk", Boolean, nullable=False),
    Column("kind", String(3), nullable=False),
    Column("side", String(4), nullable=False),
    Column("token_id", Text, nullable=False),
    Column("limit_price", BigInteger, nullable=False),
    Column("maker_amount", BigInteger, nullable=False),
    Column("taker_amount", BigInteger, nullable=False),
    Column("salt", BigInteger, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("deadline_us", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("matched", BigInteger),  # shares that the venue matched, provisionally
    Column("sent_us", BigInteger, nullable=False),
    Column("acknowledged_us", BigInteger),
    Column("rests_until_us", BigInteger),  # when an order that rests in the book is to be cancelled
    Column("rest_of", String(66)),  # the order whose rest this one tries once more
)
Index("orders_by_state", orders.c.state)
Index("orders_by_first", orders.c.rest_of)

order_parts = Table(
    "order_parts",
    metadata,
    Column("order_hash", ForeignKey("orders.order_hash"), primary_key=True),
    Column("intent_id", ForeignKey("intents.intent_id"), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("budget", BigInteger, nullable=False),
    Column("shares", BigInteger, nullable=False),
)
Index("order_parts_by_intent", order_parts.c.intent_id)

fills = Table(
    "fills",
    metadata,
    Column("order_hash", ForeignKey("orders.order_hash"), primary_key=True),
    Column("tx_hash", String(66), primary_key=True),
    Column("shares", BigInteger, nullable=False),
    Column("collateral", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Column("heard_us", BigInteger, nullable=False),
    Column("final", Boolean, nullable=False),  # in a block that is not taken back any more
)
NOT_FINAL = fills.c.final.is_(False)
Index("fills_not_final", fills.c.block_number, sqlite_where=NOT_FINAL)

late_fills = Table(
    "late_fills",
    metadata,
    Column("order_hash", String(66), primary_key=True),  # of a fill whose order had ended, until it is allotted
    Column("tx_hash", String(66), primary_key=True),
    ForeignKeyConstraint(["order_hash", "tx_hash"], ["fills.order_hash", "fills.tx_hash"]),
)

allocations = Table(
    "allocations",
    metadata,
    Column("intent_id", ForeignKey("intents.intent_id"), primary_key=True),
    Column("order_hash", ForeignKey("orders.order_hash"), nullable=False),
    Column("shares", BigInteger, nullable=False),
    Column("collateral", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("unsold", BigInteger, nullable=False),
    Column("basis", BigInteger, nullable=False),  # what the shares had cost: of a SELL, at the lot's average
)

lots = Table(
    "lots",
    metadata,
    Column("policy_id", Text, primary_key=True),
    Column("token_id", Text, primary_key=True),
    Column("follower", String(42), nullable=False),
    Column("leader", String(42), nullable=False),
    Column("condition_id", String(66)),
    Column("shares", BigInteger, nullable=False),  # allocated and not sold yet: a lot that is sold out is no row
    Column("cost", BigInteger, nullable=False),  # what they cost with fees, less the average cost of what was sold
    Column("resolved", Boolean, nullable=False),  # its market pays out
    Column("payout", BigInteger),  # what a share of a resolved market pays, NULL where that is not known
)
UNRESOLVED = lots.c.resolved.is_(False)
_owner = (lots.c.follower, lots.c.leader, lots.c.policy_id, lots.c.token_id, lots.c.cost, lots.c.shares)
Index("lots_by_owner", *_owner, sqlite_where=UNRESOLVED)  # covers sums of what limits count
Index("lots_by_token", lots.c.token_id)
Index("lots_by_market", lots.c.condition_id)

spending = Table(
    "spending",
    metadata,
    Column("day_us", BigInteger, primary_key=True),  # midnight, UTC, before the decision
    Column("policy_id", Text, primary_key=True),
    Column("follower", String(42), nullable=False),
    Column("leader", String(42), nullable=False),
    Column("spent", BigInteger, nullable=False),  # allocated to entries, fees included
)

results = Table(
    "results",
    metadata,
    Column("scope", String(8), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("realised", BigInteger, nullable=False),
    Column("losses_in_row", Integer, nullable=False),
)

baselines = Table(
    "baselines",
    metadata,
    Column("scope", String(8), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("reason", String(32), primary_key=True),  # of the protection
    Column("result", BigInteger, nullable=False),
    Column("since_us", BigInteger, nullable=False),
)

switches = Table(
    "switches",
    metadata,
    Column("scope", String(8), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("halt", String(5), primary_key=True),
    Column("reason", String(32)),  # of the protection that tripped; none by hand
    Column("facts", Text),
    Column("set_us", BigInteger, nullable=False),
    Column("until_us", BigInteger),
)

transactions = Table(
    "transactions",
    metadata,
    Column("tx_hash", String(66), primary_key=True),
    Column("chain_id", BigInteger, nullable=False),
    Column("wallet", String(42), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),  # 0 for the first of its account nonce, 1 for what shall replace it, …
    Column("target", String(42), nullable=False),
    Column("data", Text, nullable=False),  # hex
    Column("value", Text, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("max_fee", Text, nullable=False),
    Column("priority_fee", Text, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("state", String(8), nullable=False),
    Column("sent_us", BigInteger, nullable=False),
    Column("mined_us", BigInteger),  # when its account nonce ended, by it or by another
    Column("gas_used", BigInteger),
    Column("block_number", BigInteger),  # of the block that ended its account nonce, with it or with another
    Column("block_hash", String(66)),
    UniqueConstraint("wallet", "nonce", "attempt", name="one_transaction_per_attempt"),
)
Index("transactions_by_state", transactions.c.state)
Index("transactions_by_end", transactions.c.mined_us)
Index("transactions_by_block", transactions.c.block_hash)

float_transfers = Table(
    "float_transfers",
    metadata,
    Column("tx_hash", ForeignKey("transactions.tx_hash"), primary_key=True),  # the first of its account nonce
    Column("wallet", String(42), nullable=False),  # the operator wallet, whoever sends
    Column("kind", String(6), nullable=False),
    Column("amount", BigInteger, nullable=False),
)

float_request = Table(
    "float_request",
    metadata,
    Column("singleton", Integer, primary_key=True),  # always 1, while somebody asks for a rebalance
    Column("floor", BigInteger, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("ceiling", BigInteger, nullable=False),
    Column("asked_us", BigInteger, nullable=False),
)

treasury = Table(
    "treasury",
    metadata,
    Column("singleton", Integer, primary_key=True),  # always 1, once it was looked at
    Column("wallet", String(42), nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
)

legs = Table(
    "legs",
    metadata,
    Column("settlement_id", String(66), primary_key=True),
    Column("intent_id", ForeignKey("intents.intent_id"), nullable=False),
    Column("step", String(7), nullable=False),
    Column("wallet", String(42), nullable=False),
    Column("follower", String(42), nullable=False),
    Column("token_id", Text, nullable=False),
    Column("shares", BigInteger, nullable=False),
    Column("collateral", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False),
    Column("state", String(7), nullable=False),
    Column("tx_hash", ForeignKey("transactions.tx_hash")),  # the latest transaction that holds it
    Column("settled_us", BigInteger),
)
Index("legs_by_state", legs.c.state)
Index("legs_by_transaction", legs.c.tx_hash)
Index("legs_by_intent", legs.c.intent_id)
Index("legs_by_time", legs.c.settled_us)

debts = Table(
    "debts",
    metadata,
    Column("settlement_id", ForeignKey("legs.settlement_id"), primary_key=True),
    Column("side", String(8), nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("failure", String(20), nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("recovered_us", BigInteger),
    Column("collected", BigInteger, nullable=False, server_default="0"),
    Column("written_off", BigInteger, nullable=False, server_default="0"),
    Column("written_off_us", BigInteger),
    Column("why", Text),  # it was written off
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("tried_us", BigInteger),
    Column("next_try_us", BigInteger, nullable=False, server_default="0"),
    Column("sold", BigInteger, nullable=False, server_default="0"),  # what sales of its shares brought against it
)
Index("debts_by_recovery", debts.c.recovered_us)

debt_legs = Table(
    "debt_legs",
    metadata,
    Column("settlement_id", ForeignKey("legs.settlement_id"), primary_key=True),
    Column("debt_id", ForeignKey("debts.settlement_id"), nullable=False),
)
Index("debt_legs_by_debt", debt_legs.c.debt_id)

debt_sales = Table(
    "debt_sales",
    metadata,
    Column("intent_id", ForeignKey("intents.intent_id"), primary_key=True),
    Column("debt_id", ForeignKey("debts.settlement_id"), nullable=False),
)
Index("debt_sales_by_debt", debt_sales.c.debt_id)

postings = Table(
    "postings",
    metadata,
    Column("posting_id", Text, primary_key=True),
)

adjustments = Table(
    "adjustments",
    metadata,
    Column("posting_id", ForeignKey("postings.posting_id"), primary_key=True),
    Column("why", Text, nullable=False),
)

suspensions = Table(
    "suspensions",
    metadata,
    Column("wallet", String(42), primary_key=True),
    Column("why", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
)

entries = Table(
    "entries",
    metadata,
    Column("posting_id", ForeignKey("postings.posting_id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("units", BigInteger, nullable=False),
)
Index("entries_by_account", entries.c.account, entries.c.asset)

ledger_sums = Table(
    "ledger_sums",
    metadata,
    Column("account", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("units", BigInteger, nullable=False),  # of all entries, kept in the transaction that writes them
)
