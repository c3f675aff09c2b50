"""The client against the devnet's order book, where orders are checked, matched and settled on a chain."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from remora.adapters.keys.mnemonic import MnemonicSigner
from remora.adapters.venue.client import ClobVenue
from remora.devnet.accounts import MNEMONIC
from remora.devnet.balances import shares_of
from remora.devnet.endpoints import Market
from remora.devnet.launcher import Devnet, DevnetConfig, running_devnet
from remora.devnet.markets import MarketTerms
from remora.domain.errors import OutcomeUnknown, Refused
from remora.domain.ids import Address, ConditionId, OrderHash, TokenId
from remora.domain.market import MarketInfo, Quote
from remora.domain.money import ONE, Collateral, Price, Shares
from remora.domain.order import OrderKind, OrderReport, OrderTerms, SignedOrder
from remora.domain.signal import Side
from tests.contract.venue.conftest import SystemClock

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNKNOWN = OrderHash("0x" + 64 * "a")


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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def floor() -> AsyncIterator[Floor]:
    async with running_devnet(DevnetConfig(block_time_s=0.2, markets=())) as devnet:
        endpoints = devnet.endpoints
        signer = MnemonicSigner(
            MNEMONIC,
            chain_id=endpoints.chain_id,
            exchange=Address(endpoints.contracts.exchange),
            neg_risk_exchange=Address(endpoints.contracts.neg_risk_exchange),
            fleet_size=2,
        )
        await devnet.funding.fund(signer.fleet, collateral=Collateral(100_000 * ONE), approve_exchanges=True)
        async with ClobVenue(
            clob_url=endpoints.clob_url, signer=signer, chain_id=endpoints.chain_id, clock=SystemClock()
        ) as venue:
            for wallet in signer.fleet:
                await venue.authenticate(wallet)
            yield Floor(devnet=devnet, signer=signer, venue=venue)


async def test_market(floor: Floor) -> None:
    market = await floor.open_market(neg_risk=True, tick_size="0.001", min_order_size="15", fee_rate="0.05")
    for token in (market.yes_token_id, market.no_token_id):
        assert await floor.venue.market(TokenId(token)) == MarketInfo(
            condition_id=ConditionId(market.condition_id),
            token_id=TokenId(token),
            tick=Price(1_000),
            min_order_size=Shares(15_000_000),
            neg_risk=True,
            fee_rate_units=50_000,
        )


async def test_what_the_venue_does_not_know_is_none(floor: Floor) -> None:
    assert await floor.venue.market(TokenId(2**255 + 7)) is None
    assert await floor.venue.quote(TokenId(2**255 + 7)) is None
    assert await floor.venue.report(UNKNOWN, floor.taker) is None


async def test_quote(floor: Floor) -> None:
    market = await floor.open_market()
    assert await floor.venue.quote(TokenId(market.yes_token_id)) == Quote(best_bid=None, best_ask=None)
    for side, price in ((Side.BUY, "0.4"), (Side.BUY, "0.51"), (Side.SELL, "0.9"), (Side.SELL, "0.52")):
        await floor.rest(market, side, price=price, size=5)
    assert await floor.venue.quote(TokenId(market.yes_token_id)) == Quote(
        best_bid=Price(510_000), best_ask=Price(520_000)
    )
    # The other outcome's book is the mirror: bids of YES are asks of NO at 1 - p.
    assert await floor.venue.quote(TokenId(market.no_token_id)) == Quote(
        best_bid=Price(480_000), best_ask=Price(490_000)
    )


@pytest.mark.parametrize("neg_risk", [False, True])
async def test_a_buy_that_fills_in_part_is_settled_and_reported(floor: Floor, *, neg_risk: bool) -> None:
    market = await floor.open_market(neg_risk=neg_risk)
    resting = await floor.rest(market, Side.SELL, price="0.52", size=10)
    order = floor.taking(market, Side.BUY, price="0.55", size=20)
    acknowledged = await floor.venue.submit(order)
    # 10 shares at the maker's price of 0.52.
    assert (acknowledged.status, acknowledged.making, acknowledged.taking) == ("matched", 5_200_000, 10_000_000)
    assert acknowledged.order_hash == order.order_hash
    for party in (order, resting):
        report = await floor.final_report(party)
        assert (report.order_hash, report.matched) == (party.order_hash, Shares(10_000_000))
    assert await floor.shares(floor.taker, market) == Shares(110_000_000)


async def test_a_sell_is_settled_and_reported(floor: Floor) -> None:
    market = await floor.open_market()
    await floor.rest(market, Side.BUY, price="0.48", size=30)
    order = floor.taking(market, Side.SELL, price="0.4", size=30)
    acknowledged = await floor.venue.submit(order)
    # 30 shares at the maker's price of 0.48.
    assert (acknowledged.making, acknowledged.taking) == (30_000_000, 14_400_000)
    assert (await floor.final_report(order)).matched == Shares(30_000_000)
    assert await floor.shares(floor.taker, market) == Shares(70_000_000)


async def test_a_resting_order_is_pending_with_nothing_matched(floor: Floor) -> None:
    market = await floor.open_market()
    order = await floor.rest(market, Side.BUY, price="0.3", size=10)
    assert await floor.venue.report(order.order_hash, floor.maker) == OrderReport(
        order_hash=order.order_hash, status="LIVE", matched=Shares(0), failed=Shares(0), tx_hashes=(), pending=True
    )


async def test_an_order_that_finds_nobody_is_refused_and_unknown(floor: Floor) -> None:
    market = await floor.open_market()
    order = floor.taking(market, Side.BUY, price="0.5", size=10)
    with pytest.raises(Refused, match="no orders found to match"):
        await floor.venue.submit(order)
    assert await floor.venue.report(order.order_hash, floor.taker) is None


async def test_an_order_beyond_the_balance_is_refused(floor: Floor) -> None:
    market = await floor.open_market()
    await floor.rest(market, Side.BUY, price="0.5", size=10)
    with pytest.raises(Refused, match="not enough balance"):
        await floor.venue.submit(floor.taking(market, Side.SELL, price="0.5", size=101))


async def test_an_order_sent_twice_is_unknown_and_its_report_tells_of_one(floor: Floor) -> None:
    market = await floor.open_market()
    await floor.rest(market, Side.SELL, price="0.5", size=20)
    order = floor.taking(market, Side.BUY, price="0.5", size=10)
    await floor.venue.submit(order)
    with pytest.raises(OutcomeUnknown, match="Duplicated"):
        await floor.venue.submit(order)
    assert (await floor.final_report(order)).matched == Shares(10_000_000)
    assert await floor.shares(floor.taker, market) == Shares(110_000_000)


async def test_a_wallet_knows_nothing_of_anothers_order(floor: Floor) -> None:
    market = await floor.open_market()
    order = await floor.rest(market, Side.BUY, price="0.3", size=10)
    assert await floor.venue.report(order.order_hash, floor.taker) is None


async def test_authentication_again_finds_the_same_account(floor: Floor) -> None:
    market = await floor.open_market()
    order = await floor.rest(market, Side.BUY, price="0.3", size=10)
    await floor.venue.authenticate(floor.maker)
    assert await floor.venue.report(order.order_hash, floor.maker) is not None


async def test_many_orders_at_once_are_each_acknowledged_as_their_own(floor: Floor) -> None:
    market = await floor.open_market()
    await floor.rest(market, Side.SELL, price="0.5", size=100)
    orders = [floor.taking(market, Side.BUY, price="0.5", size=5) for _ in range(20)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(floor.venue.submit(order)) for order in orders]
    assert [task.result().order_hash for task in tasks] == [order.order_hash for order in orders]
    assert sum(task.result().taking for task in tasks) == 100_000_000
