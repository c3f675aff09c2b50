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
    Column("block_number", BigInteger, nullable=False),
    Column("log_index", BigInteger, nullable=False),
    Column("heard_us", BigInteger, nullable=False),
    Column("block_us", BigInteger, nullable=False),
    Column("stored_us", BigInteger, nullable=False),
    UniqueConstraint("chain_id", "exchange", "order_hash", "tx_hash", name="one_signal_per_leader_fill"),
)

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
    UniqueConstraint("signal_id", "policy_id", name="one_intent_per_signal_and_policy"),
)
Index("intents_by_state", intents.c.state)
Index("intents_by_token", intents.c.token_id, intents.c.policy_id)

denials = Table(
    "denials",
    metadata,
    Column("signal_id", ForeignKey("signals.signal_id"), primary_key=True),
    Column("policy_id", Text, primary_key=True),
    Column("follower", String(42), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("facts", Text, nullable=False),
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
)
Index("orders_by_state", orders.c.state)

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
)

transactions = Table(
    "transactions",
    metadata,
    Column("tx_hash", String(66), primary_key=True),
    Column("chain_id", BigInteger, nullable=False),
    Column("wallet", String(42), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("target", String(42), nullable=False),
    Column("data", Text, nullable=False),  # hex
    Column("value", Text, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("max_fee", Text, nullable=False),
    Column("priority_fee", Text, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("state", String(8), nullable=False),
    Column("sent_us", BigInteger, nullable=False),
    Column("mined_us", BigInteger),
    UniqueConstraint("wallet", "nonce", name="one_transaction_per_wallet_and_nonce"),
)
Index("transactions_by_state", transactions.c.state)

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

debts = Table(
    "debts",
    metadata,
    Column("settlement_id", ForeignKey("legs.settlement_id"), primary_key=True),
    Column("side", String(8), nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("failure", String(20), nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("recovered_us", BigInteger),
)
Index("debts_by_recovery", debts.c.recovered_us)

postings = Table(
    "postings",
    metadata,
    Column("posting_id", Text, primary_key=True),
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
