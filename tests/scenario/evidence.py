"""Evidence that every copy happened exactly once, taken from the chain's logs and held against the database.

The books' audit compares sums. This compares events: which of our orders filled, and who was delivered and paid how
often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from eth_utils.crypto import keccak
from sqlalchemy import Connection, Select, Table, func, select

from remora.adapters.store import schema
from remora.adapters.store.figures import FINAL
from remora.devnet.demo.performance import Performance
from remora.domain.contracts import ORDER_FILLED
from remora.domain.ids import Address
from remora.domain.order import IntentState, LegState, OrderState
from remora.domain.signal import Side
from remora.domain.transaction import TxState

UNFINISHED: dict[str, tuple[Table, tuple[str, ...]]] = {
    "intent": (schema.intents, tuple(state for state in IntentState if state not in FINAL)),
    "order": (schema.orders, (OrderState.RECORDED, OrderState.ACCEPTED)),
    "leg": (schema.legs, (LegState.PENDING, LegState.SENT)),
    "transaction": (schema.transactions, (TxState.RECORDED,)),
}
CENT = 10_000
_DELIVERED = "0x" + keccak(text="Delivered(bytes32,address,address,uint256,uint256,uint256)").hex()
_REMITTED = "0x" + keccak(text="Remitted(bytes32,address,address,uint256,uint256,uint256,uint256)").hex()


async def doubts(performance: Performance) -> list[str]:
    """Return what speaks against "exactly once", in words: nothing, if all is well."""
    filled = await _filled_orders(performance)
    delivered = await _settlements(performance, _DELIVERED)
    remitted = await _settlements(performance, _REMITTED)
    with performance.database() as connection:
        return [
            *_unlike("orders that filled", _known_orders(connection), filled),
            *_unlike("filled orders per intent", dict.fromkeys(_settled(connection), 1), _orders_of(connection)),
            *_unlike("deliveries per follower", _settled_by_follower(connection, Side.BUY), delivered),
            *_unlike("payouts per follower", _settled_by_follower(connection, Side.SELL), remitted),
            *_incomplete_purchases(connection),
        ]


def unfinished(performance: Performance) -> set[str]:
    """Return what the database holds that has no end yet, as "intent pending" or "leg sent"."""
    with performance.database() as connection:
        return {
            f"{noun} {row.state}"
            for noun, (table, states) in UNFINISHED.items()
            for row in connection.execute(select(table.c.state).where(table.c.state.in_(states)))
        }


def has_unanswered_fill(performance: Performance) -> bool:
    """Tell whether an order has filled of which the venue's answer is not stored."""
    query = select(schema.fills).join(schema.orders).where(schema.orders.c.state == OrderState.RECORDED)
    with performance.database() as connection:
        return connection.execute(query).first() is not None


async def _filled_orders(performance: Performance) -> dict[str, int]:
    """Return the orders of the fleet's wallets that filled on chain, and in how many transactions each."""
    contracts = performance.stage.endpoints.contracts
    logs = await _logs(
        performance,
        addresses=[contracts.exchange, contracts.neg_risk_exchange],
        topics=[ORDER_FILLED, None, _topics(performance.stage.fleet)],
    )
    return Counter(order_hash for order_hash, _ in {(log["topics"][1], log["transactionHash"]) for log in logs})


async def _settlements(performance: Performance, event: str) -> dict[str, int]:
    followers = [follower.wallet for follower in performance.cast.followers]
    logs = await _logs(
        performance,
        addresses=[performance.stage.endpoints.contracts.clearinghouse],
        topics=[event, None, _topics(followers)],
    )
    return Counter("0x" + log["topics"][2][-40:] for log in logs)


async def _logs(performance: Performance, *, addresses: list[str], topics: list[Any]) -> list[dict[str, Any]]:
    criteria = {"fromBlock": "0x0", "toBlock": "latest", "address": addresses, "topics": topics}
    logs: list[dict[str, Any]] = await performance.stage.node.call("eth_getLogs", criteria)
    return logs


def _topics(wallets: Iterable[Address]) -> list[str]:
    return ["0x" + wallet[2:].rjust(64, "0") for wallet in wallets]


def _known_orders(connection: Connection) -> dict[str, int]:
    query = select(schema.fills.c.order_hash, func.count()).group_by(schema.fills.c.order_hash)
    return _counts(connection, query)


def _settled(connection: Connection) -> list[str]:
    query = select(schema.intents.c.intent_id).where(schema.intents.c.state == IntentState.SETTLED)
    return [row.intent_id for row in connection.execute(query)]


def _orders_of(connection: Connection) -> dict[str, int]:
    """Return for each intent how many orders were filled for it."""
    parts, filled = schema.order_parts.c, select(schema.fills.c.order_hash).distinct()
    query = select(parts.intent_id, func.count()).where(parts.order_hash.in_(filled)).group_by(parts.intent_id)
    return _counts(connection, query)


def _settled_by_follower(connection: Connection, side: Side) -> dict[str, int]:
    i = schema.intents.c
    query = select(i.follower, func.count()).where(i.state == IntentState.SETTLED, i.side == side).group_by(i.follower)
    return _counts(connection, query)


def _incomplete_purchases(connection: Connection) -> list[str]:
    """Return the intents to buy that left more than a cent of their budget: the book is deep enough for all."""
    query = select(schema.intents.c.intent_id, schema.intents.c.budget, schema.allocations.c.collateral).join(
        schema.allocations, schema.allocations.c.intent_id == schema.intents.c.intent_id
    )
    return [
        f"intent {row.intent_id}: expected {row.budget} to be spent, found {row.collateral}"
        for row in connection.execute(query.where(schema.intents.c.side == Side.BUY))
        if not row.budget - CENT <= row.collateral <= row.budget
    ]


def _counts(connection: Connection, query: Select[Any]) -> dict[str, int]:
    return {str(row[0]): int(row[1]) for row in connection.execute(query)}


def _unlike(what: str, expected: dict[str, int], found: dict[str, int]) -> list[str]:
    return [] if expected == found else [f"{what}: expected {expected}, found {dict(found)}"]
