"""A devnet with remora's own client, and two operator wallets that meet in new markets."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field

from remora.adapters.keys.mnemonic import MnemonicSigner
from remora.adapters.venue.client import ClobVenue
from remora.devnet.balances import shares_of
from remora.devnet.endpoints import Market
from remora.devnet.launcher import Devnet
from remora.devnet.markets import MarketTerms
from remora.domain.ids import Address, TokenId
from remora.domain.money import ONE, Price, Shares
from remora.domain.order import OrderKind, OrderReport, OrderTerms, SignedOrder
from remora.domain.signal import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """A devnet, the client, and two operator wallets: `maker` rests orders that `taker` hits."""

    devnet: Devnet
    signer: MnemonicSigner
    venue: ClobVenue
    salts: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def taker(self) -> Address:
        return self.signer.fleet[0]

    @property
    def maker(self) -> Address:
        return self.signer.fleet[1]

    async def open_market(
        self, *, neg_risk: bool = False, tick_size: str = "0.01", min_order_size: str = "5", fee_rate: str = "0"
    ) -> Market:
        """Open a market in which both wallets hold 100 shares of each outcome."""
        market = await self.devnet.open_market(
            MarketTerms(
                question=f"Will number {next(self.salts)} be copied?",
                neg_risk=neg_risk,
                tick_size=tick_size,
                min_order_size=min_order_size,
                fee_rate=fee_rate,
            )
        )
        for wallet in (self.maker, self.taker):
            await self.devnet.funding.split(wallet, market, Shares(100 * ONE))
        return market

    def order(
        self, wallet: Address, market: Market, side: Side, *, kind: OrderKind, price: str, size: int
    ) -> SignedOrder:
        """Sign an order for so many whole YES shares."""
        shares = size * ONE
        collateral = Price.parse(price).cost_floor(Shares(shares)).units
        terms = OrderTerms(
            salt=next(self.salts),
            maker=wallet,
            signer=wallet,
            token_id=TokenId(market.yes_token_id),
            maker_amount=collateral if side is Side.BUY else shares,
            taker_amount=shares if side is Side.BUY else collateral,
            side=side,
            timestamp_ms=time.time_ns() // 10**6,
        )
        return self.signer.sign_order(terms, kind, neg_risk=market.neg_risk)

    async def rest(self, market: Market, side: Side, *, price: str, size: int) -> SignedOrder:
        """Put an order of the maker into the book."""
        order = self.order(self.maker, market, side, kind=OrderKind.GTC, price=price, size=size)
        assert (await self.venue.submit(order)).status == "live"
        return order

    def taking(self, market: Market, side: Side, *, price: str, size: int) -> SignedOrder:
        """Sign an order of the taker that fills at once or not at all."""
        return self.order(self.taker, market, side, kind=OrderKind.FAK, price=price, size=size)

    async def final_report(self, order: SignedOrder) -> OrderReport:
        """Ask until nothing of the order is pending."""
        async with asyncio.timeout(20):
            while True:
                report = await self.venue.report(order.order_hash, order.terms.maker)
                assert report is not None
                if not report.pending:
                    return report
                await asyncio.sleep(0.1)

    async def shares(self, wallet: Address, market: Market) -> Shares:
        """Return a wallet's YES shares on chain."""
        return await shares_of(self.devnet.node, self.devnet.endpoints.contracts, wallet, TokenId(market.yes_token_id))
