"""Evidence that every copy happened exactly once, taken from the chain's logs and held against the database.

The books' audit compares sums. This compares events: which of our orders filled, and who was delivered and paid how
often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from eth_utils.crypto import keccak
from sqlalchemy import Connection, Row, Select, Table, exists, func, select

from remora.adapters.store import schema
from remora.adapters.store.figures import FINAL
from remora.devnet.demo.performance import Performance
from remora.devnet.generations import exchange_versions
from remora.domain.contracts import ORDER_FILLED, is_position_id
from remora.domain.ids import Address, TokenId
from remora.domain.money import Price, Shares
from remora.domain.order import IntentState, LegState, OrderState, SettlementStep
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
            *_unlike("filled orders per intent", _once_each(connection), _orders_of(connection)),
            *_unlike("deliveries per follower", _deliveries_by_follower(connection), delivered),
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


def exits(performance: Performance) -> list[tuple[str, int, int | None]]:
    """Return the leaders' exits, in chain order: kind, shares, and what was held before, in base units."""
    s = schema.signals.c
    query = select(s.kind, s.shares, s.held_before).where(s.side == Side.SELL).order_by(s.block_number, s.log_index)
    with performance.database() as connection:
        return [(row.kind, row.shares, row.held_before) for row in connection.execute(query)]


async def traded(performance: Performance) -> Counter[str]:
    """Return the transactions in which orders of leaders filled, each order once."""
    exchanges = exchange_versions(performance.stage.endpoints.contracts)
    logs = await _logs(
        performance,
        addresses=[str(exchange) for exchange in exchanges],
        topics=[ORDER_FILLED, None, _topics(leader.address for leader in performance.cast.leaders)],
    )
    return Counter(tx_hash for _, tx_hash in {(log["topics"][1], log["transactionHash"]) for log in logs})


async def _filled_orders(performance: Performance) -> dict[str, int]:
    """Return the orders of the fleet's wallets that filled on chain, and in how many transactions each."""
    contracts = performance.stage.endpoints.contracts
    logs = await _logs(
        performance,
        addresses=[contracts.exchange, contracts.neg_risk_exchange, contracts.exchange_v3],
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


def _once_each(connection: Connection) -> dict[str, int]:
    """Return the settled intents, each to be filled by one order, but for those whose match is undone.

    A reorg may undo a match for good when what it sold is paid out already: the wallet keeps the shares then, and the
    books have the fill's posting and its reversal.
    """
    intent, order, part = schema.intents.c, schema.orders.c, schema.order_parts.c
    undoing = schema.postings.c.posting_id.like("reversal:fill:" + order.order_hash + ":%")
    filled = select(schema.fills.c.order_hash)
    undone = (
        select(part.intent_id)
        .join(schema.orders, order.order_hash == part.order_hash)
        .where(exists().where(undoing), order.order_hash.not_in(filled))
    )
    settled = select(intent.intent_id).where(intent.state == IntentState.SETTLED, intent.intent_id.not_in(undone))
    return dict.fromkeys(connection.scalars(settled), 1)


def _orders_of(connection: Connection) -> dict[str, int]:
    """Return for each intent how many orders were filled for it; one and the try for its rest are one."""
    parts, orders, filled = schema.order_parts.c, schema.orders.c, select(schema.fills.c.order_hash).distinct()
    first = func.coalesce(orders.rest_of, orders.order_hash).distinct()
    query = select(parts.intent_id, func.count(first)).join(schema.orders, orders.order_hash == parts.order_hash)
    return _counts(connection, query.where(parts.order_hash.in_(filled)).group_by(parts.intent_id))


def _settled_by_follower(connection: Connection, side: Side) -> dict[str, int]:
    i = schema.intents.c
    query = select(i.follower, func.count()).where(i.state == IntentState.SETTLED, i.side == side).group_by(i.follower)
    return _counts(connection, query)


def _deliveries_by_follower(connection: Connection) -> dict[str, int]:
    """Return how many deliveries each follower should have had.

    One per purchase that settled; one more when a part of it was paid, or is while the rest is owed; one less when the
    rest was sold or given up.
    """
    expected = Counter(_settled_by_follower(connection, Side.BUY))
    expected.update(_deliveries_that_were(connection, LegState.SPLIT, IntentState.SETTLED, IntentState.OWED))
    expected.subtract(_deliveries_that_were(connection, LegState.DROPPED, IntentState.SETTLED))
    return expected


def _deliveries_that_were(connection: Connection, state: LegState, *of: IntentState) -> dict[str, int]:
    leg, i = schema.legs.c, schema.intents.c
    these = (leg.state == state) & (leg.step == SettlementStep.DELIVER) & i.state.in_(of)
    query = select(leg.follower, func.count()).join(schema.intents, i.intent_id == leg.intent_id)
    return _counts(connection, query.where(these).group_by(leg.follower))


def _incomplete_purchases(connection: Connection) -> list[str]:
    """Return the intents to buy that left more than a cent of their budget: the book is deep enough for all.

    Exchange V3 gives a buy no more shares than it asked for at its limit: there it is what these would have cost.
    """
    i, a = schema.intents.c, schema.allocations.c
    query = select(i.intent_id, i.token_id, i.limit_price, i.budget, a.shares, a.collateral)
    rows = connection.execute(query.join(schema.allocations, a.intent_id == i.intent_id).where(i.side == Side.BUY))
    return [
        f"intent {row.intent_id}: expected {row.budget} to be spent, found {row.collateral}"
        for row in rows
        if not row.budget - CENT <= _reckoned(row) <= row.budget
    ]


def _reckoned(row: Row[Any]) -> int:
    if not is_position_id(TokenId(int(row.token_id))):
        return int(row.collateral)
    return Price(row.limit_price).cost_floor(Shares(row.shares)).units


def _counts(connection: Connection, query: Select[Any]) -> dict[str, int]:
    return {str(row[0]): int(row[1]) for row in connection.execute(query)}


def _unlike(what: str, expected: dict[str, int], found: dict[str, int]) -> list[str]:
    """Return where two counts differ; what they have in common tells nothing."""
    unlike = [key for key in sorted(expected.keys() | found.keys()) if expected.get(key, 0) != found.get(key, 0)]
    return [f"{what}: expected {expected.get(key, 0)} of {key}, found {found.get(key, 0)}" for key in unlike]
