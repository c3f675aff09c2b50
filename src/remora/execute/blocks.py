"""Block orders: intents of one signal that want the same token at the same limit, joined into few orders.

Joining lets small followers reach the venue's minimum; the bound on followers keeps one settlement in one transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from remora.domain.market import MarketInfo
from remora.domain.money import BPS, ONE, ZERO_COLLATERAL, Collateral, Price, Shares, mul_div_floor
from remora.domain.order import BlockOrder, Intent, OrderKind, Part
from remora.domain.signal import Side

SIZE_STEP = 10_000
"""Sizes have 2 decimals at the venue: orders sell whole hundredths of a share."""

SPENDABLE_BPS = 9_000
"""Fees are below 10 % of what an order spends: the venue's highest rate is 7 %."""


def block_orders(intents: Iterable[Intent], *, followers_per_order: int, largest: Collateral) -> list[BlockOrder]:
    """Join intents with equal token, side, limit and kind of order into orders.

    An order has at most `followers_per_order` followers and spends at most `largest`, what one wallet can promise; a
    single intent above that is an order by itself. An order's deadline is its earliest intent's.
    """
    alike: defaultdict[tuple[int, Side, Price, OrderKind, int], list[Intent]] = defaultdict(list)
    for intent in intents:
        alike[intent.token_id, intent.side, intent.limit, intent.kind, intent.rest_s].append(intent)
    return [_join(chunk) for group in alike.values() for chunk in _chunks(group, followers_per_order, largest)]


def amounts(order: BlockOrder, market: MarketInfo) -> tuple[int, int]:
    """Return (maker amount, taker amount) of the order in base units, in the venue's precision.

    A BUY offers the sum of the budgets for at least the shares that it buys at the limit; a SELL offers the shares in
    whole hundredths for at least what they bring at the limit. The taker amount is rounded down, as the official SDK
    does: rounded up it would put the price a hair beyond the limit, where a resting order at the limit never matches.
    An order that rests buys whole hundredths of a share for exactly the limit: its price is read from its amounts.
    """
    if order.kind is OrderKind.GTD:
        size = Shares(mul_div_floor(budget(order).units, ONE, order.limit.units) // SIZE_STEP * SIZE_STEP)
        return order.limit.cost_floor(size).units, size.units
    if order.side is Side.BUY:
        making = budget(order).units
        taking = mul_div_floor(making, ONE, order.limit.units)
    else:
        making = sum(part.shares.units for part in order.parts) // SIZE_STEP * SIZE_STEP
        taking = order.limit.cost_floor(Shares(making)).units
    return making, taking // market.amount_step * market.amount_step


def budget(order: BlockOrder) -> Collateral:
    """Return the collateral that the order may spend, fee excluded."""
    return Collateral(sum(part.budget.units for part in order.parts))


def spendable(balance: Collateral) -> Collateral:
    """Return what an order may spend of a balance, so that the highest fee fits beside it, rounded down."""
    return Collateral(mul_div_floor(balance.units, SPENDABLE_BPS, BPS))


def _chunks(group: list[Intent], size: int, largest: Collateral) -> Iterator[list[Intent]]:
    chunk: list[Intent] = []
    spent = ZERO_COLLATERAL
    for intent in group:
        if chunk and (len(chunk) == size or spent + intent.budget > largest):
            yield chunk
            chunk, spent = [], ZERO_COLLATERAL
        chunk.append(intent)
        spent += intent.budget
    if chunk:
        yield chunk


def _join(intents: list[Intent]) -> BlockOrder:
    first = intents[0]
    parts = tuple(Part(intent_id=i.intent_id, follower=i.follower, budget=i.budget, shares=i.shares) for i in intents)
    return BlockOrder(
        token_id=first.token_id,
        side=first.side,
        limit=first.limit,
        parts=parts,
        deadline_us=min(i.deadline_us for i in intents),
        kind=first.kind,
        rest_s=first.rest_s,
    )
