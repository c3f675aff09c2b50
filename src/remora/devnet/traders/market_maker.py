"""A scripted market maker: it keeps a ladder of bids and asks for both outcomes of every market it serves.

Bids and asks of YES and of NO stand side by side, so that whoever trades against them meets all kinds of match: peer
to peer, minted and merged.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from polymarket import AsyncSecureClient, OpenOrder, PolymarketError

from remora.devnet.endpoints import Market
from remora.devnet.traders.outcome import Outcome
from remora.devnet.traders.persistence import insist, matched, post
from remora.domain.ids import TokenId
from remora.domain.money import ONE, Price, Shares
from remora.domain.signal import Side

#: The venue takes up to so many orders in one request (polymarket.md 3.3).
_ORDERS_PER_REQUEST = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One price of a ladder."""

    token_id: TokenId
    side: Side
    price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """What is quoted in a market: for each outcome and side `depth` levels of `shares`.

    `mid` is the price of YES; the best levels are `half_spread` away from it and the others `step` apart. All prices
    must be on the market's tick.
    """

    mid: Price = Price(500_000)
    half_spread: Price = Price(10_000)
    step: Price = Price(10_000)
    depth: int = 5
    shares: Shares = Shares(1_000 * ONE)

    def levels(self, market: Market) -> Iterator[Level]:
        """Yield the levels whose price is a valid one."""
        for outcome in Outcome:
            mid, token_id = outcome.price_at(self.mid), outcome.token_of(market)
            for rung in range(self.depth):
                distance = self.half_spread.units + rung * self.step.units
                if mid.units > distance:
                    yield Level(token_id=token_id, side=Side.BUY, price=Price(mid.units - distance))
                if mid.units + distance < ONE:
                    yield Level(token_id=token_id, side=Side.SELL, price=Price(mid.units + distance))


class MarketMaker:
    """One account that quotes; it needs collateral and shares of every market for its ladders."""

    def __init__(self, client: AsyncSecureClient) -> None:
        self._client = client
        self._wanted: dict[str, Mapping[Level, Shares]] = {}
        self._refreshing = asyncio.Lock()

    async def quote(self, market: Market, ladder: Ladder) -> None:
        """Replace what is quoted in a market."""
        self._wanted[market.condition_id] = dict.fromkeys(ladder.levels(market), ladder.shares)
        await self._refresh(market.condition_id)

    async def sell(self, market: Market, outcome: Outcome, price: Price, shares: Shares) -> None:
        """Sell to who bids a price, all of the shares; raise Refused when nobody does."""
        token_id = str(outcome.token_of(market))
        order = await insist(
            lambda: self._client.create_market_order(
                token_id=token_id, side="SELL", shares=str(shares), min_price=str(price), order_type="FOK"
            )
        )
        await matched(self._client, await post(self._client, order))

    def leave(self, market: Market) -> None:
        """Quote a market no longer; what is in its book stays there."""
        self._wanted.pop(market.condition_id, None)

    async def keep_quoting(self, *, pause_s: float) -> None:
        """Refill the ladders as they are consumed, forever."""
        while True:
            for condition_id in tuple(self._wanted):
                # A venue that restarts or throttles is met again in the next round.
                with suppress(PolymarketError):
                    await self._refresh(condition_id)
            await asyncio.sleep(pause_s)

    async def _refresh(self, condition_id: str) -> None:
        """Cancel orders that are off the ladder and refill levels that are less than half full."""
        async with self._refreshing:
            wanted = self._wanted[condition_id]
            open_orders = self._client.list_open_orders(market=condition_id)
            orders = [order async for order in open_orders.iter_items()]
            if stale := [order.id for order in orders if _level_of(order) not in wanted]:
                await self._client.cancel_orders(order_ids=stale)
            await self._place(_missing(wanted, orders))

    async def _place(self, missing: Mapping[Level, Shares]) -> None:
        orders = [
            await self._client.create_limit_order(
                token_id=str(level.token_id), side=level.side.value, price=str(level.price), size=str(shares)
            )
            for level, shares in missing.items()
        ]
        for start in range(0, len(orders), _ORDERS_PER_REQUEST):
            await self._client.post_orders(orders[start : start + _ORDERS_PER_REQUEST])


def _missing(wanted: Mapping[Level, Shares], orders: Sequence[OpenOrder]) -> dict[Level, Shares]:
    """Return what fills up the levels that are less than half full."""
    standing = Counter[Level]()
    for order in orders:
        standing[_level_of(order)] += Shares.parse(str(order.original_size - order.size_matched)).units
    return {
        level: Shares(shares.units - standing[level])
        for level, shares in wanted.items()
        if 2 * standing[level] < shares.units
    }


def _level_of(order: OpenOrder) -> Level:
    token_id, side = TokenId(int(order.asset_id)), Side(order.side)
    return Level(token_id=token_id, side=side, price=Price.parse(str(order.price)))
