"""A scripted leader: it trades through the official SDK as a person's program would, for others to copy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from random import Random

from polymarket import AsyncSecureClient, OrderResponse, PolymarketError, SignedOrder

from remora.devnet.endpoints import Market
from remora.devnet.traders.outcome import Outcome
from remora.devnet.traders.persistence import insist, matched, post
from remora.domain.errors import Refused
from remora.domain.ids import Address, TokenId, address
from remora.domain.money import ONE, Collateral, Price, Shares
from remora.domain.signal import Side

#: The venue takes shares in hundredths.
_SHARE_STEP_UNITS = 10_000


class Leader:
    """One account that trades. What its methods return is the SDK's own result, the order id among it."""

    def __init__(self, client: AsyncSecureClient) -> None:
        self._client = client

    @property
    def wallet(self) -> Address:
        """The account that trades, and that followers name."""
        return address(self._client.wallet)

    async def buy(
        self, market: Market, outcome: Outcome, amount: Collateral, *, at_most: Price | None = None
    ) -> OrderResponse:
        """Buy at once for `amount` at no price above `at_most`; what finds no seller is dropped (FAK)."""
        bound = at_most or Price(ONE) - Price.parse(market.tick_size)
        return await self._client.place_market_order(
            token_id=str(outcome.token_of(market)), side="BUY", amount=str(amount), max_price=str(bound)
        )

    async def sell(
        self, market: Market, outcome: Outcome, shares: Shares, *, at_least: Price | None = None
    ) -> OrderResponse:
        """Sell at once at no price below `at_least`; what finds no buyer is dropped (FAK)."""
        bound = at_least or Price.parse(market.tick_size)
        return await self._client.place_market_order(
            token_id=str(outcome.token_of(market)), side="SELL", shares=str(shares), min_price=str(bound)
        )

    async def rest(self, market: Market, outcome: Outcome, side: Side, price: Price, shares: Shares) -> OrderResponse:
        """Leave an order in the book until it is filled or cancelled (GTC)."""
        return await self._client.place_limit_order(
            token_id=str(outcome.token_of(market)), side=side.value, price=str(price), size=str(shares)
        )

    async def trade_exactly(
        self,
        market: Market,
        outcome: Outcome,
        side: Side,
        price: Price,
        shares: Shares,
        *,
        spend: Collateral | None = None,
    ) -> None:
        """Trade the shares, or what `spend` buys, at a price that the book has, once and in full.

        Raise Refused when the venue refuses or fills only a part, OutcomeUnknown when it does not tell for too long.
        """
        order = await insist(lambda: self._exact_order(outcome.token_of(market), side, price, shares, spend))
        filled = await matched(self._client, await post(self._client, order))
        if filled is not None:
            raise Refused(f"only {filled} of {shares} shares found somebody at {price}")

    async def buy_at_rest(
        self, market: Market, outcome: Outcome, price: Price, shares: Shares, *, sell: Callable[[], Awaitable[None]]
    ) -> None:
        """Bid, have somebody `sell` the shares to the bid, and withdraw what is left of it.

        So comes about what is too small to be taken from the book. Errors are those of `trade_exactly`.
        """
        bid = max(shares, Shares.parse(market.min_order_size))
        order = await insist(lambda: self._exact_order(outcome.token_of(market), Side.BUY, price, bid, None))
        placed = await post(self._client, order)
        try:
            await sell()
        finally:
            filled = await matched(self._client, placed)
        if (bid if filled is None else filled) != shares:
            raise Refused(f"{filled} instead of {shares} shares were sold to it at {price}")

    async def holding(self, market: Market, outcome: Outcome) -> Shares:
        """Return the shares that the venue knows this account to hold."""
        answer = await self._client.get_balance_allowance(
            asset_type="CONDITIONAL-V2" if market.version == "v2" else "CONDITIONAL",
            token_id=str(outcome.token_of(market)),
        )
        return Shares(answer.balance)

    async def trade_at_random(self, markets: Sequence[Market], *, seed: int, pause_s: float) -> None:
        """Buy, and sell parts of what is held, forever; the same seed makes the same choices."""
        random = Random(seed)  # noqa: S311 - it chooses trades, not secrets
        while True:
            # An empty book, or shares that are not mined yet: a person would try again later, too.
            with suppress(PolymarketError):
                await self._take_turn(random.choice(markets), random.choice(list(Outcome)), random)
            await asyncio.sleep(pause_s)

    async def _exact_order(
        self, token_id: TokenId, side: Side, price: Price, shares: Shares, spend: Collateral | None
    ) -> SignedOrder:
        """Sign an order that is filled whole or not at all, but for a purchase of shares, of which a part may rest."""
        token, bound = str(token_id), str(price)
        if side is Side.SELL:
            return await self._client.create_market_order(
                token_id=token, side="SELL", shares=str(shares), min_price=bound, order_type="FOK"
            )
        if spend is not None:
            return await self._client.create_market_order(
                token_id=token, side="BUY", amount=str(spend), max_price=bound, order_type="FOK"
            )
        return await self._client.create_limit_order(token_id=token, side="BUY", price=bound, size=str(shares))

    async def _take_turn(self, market: Market, outcome: Outcome, random: Random) -> None:
        amount, part = Collateral(random.randint(5, 50) * ONE), random.choice((1, 2, 4))
        held = await self.holding(market, outcome)
        shares = Shares(held.units // part // _SHARE_STEP_UNITS * _SHARE_STEP_UNITS)
        if shares >= Shares.parse(market.min_order_size) and random.choice((True, False)):
            await self.sell(market, outcome, shares)
        else:
            await self.buy(market, outcome, amount)
