"""A market, traders with full purses and an engine, for tests of the order-book server's pure parts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from remora.devnet.clob.audience import OrderEvent, Spot
from remora.devnet.clob.book import Book, PlacedOrder
from remora.devnet.clob.engine import Engine, Placement
from remora.devnet.clob.funds import Funds, Holding, Purse
from remora.devnet.clob.listings import Listing
from remora.devnet.clob.orders import OrderRequest, OrderType, Side, SignatureType, SignedOrder
from remora.devnet.clob.trades import Trade
from remora.devnet.clob.units import from_text
from remora.devnet.endpoints import Contracts, Market, Version

CONTRACTS = Contracts(
    collateral="0x" + "c0" * 20,
    ctf_collateral="0x" + "c1" * 20,
    wrapped_collateral="0x" + "c2" * 20,
    conditional_tokens="0x" + "c7" * 20,
    exchange="0x" + "e0" * 20,
    neg_risk_exchange="0x" + "e1" * 20,
    exchange_adapter="0x" + "a0" * 20,
    neg_risk_exchange_adapter="0x" + "a1" * 20,
    collateral_adapter="0x" + "a2" * 20,
    neg_risk_collateral_adapter="0x" + "a3" * 20,
    neg_risk_adapter="0x" + "a4" * 20,
    auto_redeemer="0x" + "a5" * 20,
    clearinghouse="0x" + "cc" * 20,
    fee_receiver="0x" + "fe" * 20,
    deposit_wallet_factory="0x" + "d0" * 20,
    exchange_v3="0x" + "e3" * 20,
    position_manager="0x" + "c8" * 20,
    router="0x" + "a6" * 20,
    binary_module="0x" + "b1" * 20,
    neg_risk_module="0x" + "b2" * 20,
    proxy_factory="0x" + "50" * 20,
    proxy_implementation="0x" + "51" * 20,
    relay_hub="0x" + "52" * 20,
    safe_factory="0x" + "5a" * 20,
    safe_singleton="0x" + "5b" * 20,
    safe_multisend="0x" + "5c" * 20,
    price_feed="0x" + "5d" * 20,
)
YES, NO = 2**255 + 1, 2**254 + 3
ALICE, BOB, CAROL = ("0x" + digit * 40 for digit in "abc")
PLENTY = 10**15
_salts = itertools.count(1)


def listing(
    *,
    tick_size: str = "0.01",
    fee_rate: str = "0",
    neg_risk: bool = False,
    seconds_delay: int = 0,
    version: Version = "v1",
) -> Listing:
    market = Market(
        condition_id="0x" + "cd" * 32,
        question="Will it?",
        slug="will-it",
        yes_token_id=YES,
        no_token_id=NO,
        neg_risk=neg_risk,
        tick_size=tick_size,
        fee_rate=fee_rate,
        seconds_delay=seconds_delay,
        version=version,
    )
    return Listing.of(1, market, CONTRACTS)


def request(
    maker: str,
    side: Side,
    token: int,
    making: int,
    taking: int,
    *,
    kind: OrderType = OrderType.GTC,
    expiration_s: int = 0,
    post_only: bool = False,
) -> OrderRequest:
    """Return an order by its amounts in base units."""
    order = SignedOrder(
        salt=next(_salts),
        maker=maker,
        signer=maker,
        token_id=token,
        maker_amount=making,
        taker_amount=taking,
        side=side,
        signature_type=SignatureType.EOA,
        timestamp_ms=1,
        metadata=bytes(32),
        builder=bytes(32),
        signature=bytes(65),
    )
    return OrderRequest(order=order, type=kind, expiration_s=expiration_s, post_only=post_only, owner=f"key of {maker}")


def limit(maker: str, side: Side, token: int, shares: str, price: str, **terms: Any) -> OrderRequest:
    """Return a limit order by decimal texts."""
    units = from_text(shares)
    collateral = units * from_text(price) // 10**6
    making, taking = (collateral, units) if side is Side.BUY else (units, collateral)
    return request(maker, side, token, making, taking, **terms)


def market_buy(maker: str, token: int, collateral: str, price: str, kind: OrderType = OrderType.FAK) -> OrderRequest:
    """Return a market BUY as the SDK rounds it at a tick of 0.01: shares down to four decimals."""
    offered = from_text(collateral)
    asked = offered * 10**6 // from_text(price) // 100 * 100
    return request(maker, Side.BUY, token, offered, asked, kind=kind)


@dataclass
class Recorder:
    """An audience that remembers."""

    orders: list[tuple[str, OrderEvent, str]] = field(default_factory=list)
    trades: list[tuple[str, str]] = field(default_factory=list)
    spots: list[tuple[bool, int, int]] = field(default_factory=list)

    def order_changed(self, order: PlacedOrder, event: OrderEvent) -> None:
        self.orders.append((order.id, event, order.status.value))

    def trade_changed(self, trade: Trade) -> None:
        self.trades.append((trade.id, trade.status.value))

    def book_changed(self, listing: Listing, book: Book, spots: Iterable[Spot]) -> None:
        del listing
        for spot in spots:
            level = book.level(is_bid=spot.is_bid, yes_price=spot.yes_price)
            self.spots.append((spot.is_bid, spot.yes_price, level.shares))


@dataclass
class Clock:
    """Seconds that pass when told to."""

    now_s: int = 1_800_000_000

    def __call__(self) -> int:
        return self.now_s


class Scene:
    """An engine with one market, where everybody has plenty of everything unless told otherwise."""

    def __init__(self, **terms: Any) -> None:
        self.listing = listing(**terms)
        self.clock = Clock()
        self.audience = Recorder()
        self.funds = Funds(CONTRACTS)
        self.engine = Engine(funds=self.funds, audience=self.audience, now_s=self.clock)
        self._ids = itertools.count(1)
        for owner in (ALICE, BOB, CAROL):
            for asset in (None, YES, NO):
                self.endow(owner, asset, PLENTY)

    def purse(self, owner: str, asset: int | None) -> Purse:
        return Purse(owner, asset, self.listing.exchange)

    def endow(self, owner: str, asset: int | None, balance: int, allowance: int = 2**256 - 1) -> None:
        self.funds.known[self.purse(owner, asset)] = Holding(balance, allowance)

    def submit(self, order: OrderRequest) -> Placement:
        return self.engine.submit(f"0x{next(self._ids):064x}", order, self.listing)

    def bids(self, *, is_yes: bool = True) -> list[tuple[int, int]]:
        levels = self.engine.book(self.listing).bids(is_yes=is_yes)
        return [(level.price, level.shares) for level in levels]

    def asks(self, *, is_yes: bool = True) -> list[tuple[int, int]]:
        levels = self.engine.book(self.listing).asks(is_yes=is_yes)
        return [(level.price, level.shares) for level in levels]
