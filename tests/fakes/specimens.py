"""One of each: a leader, followers, a market, a trade and what becomes of it, to be changed where a test needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from remora.domain.ids import (
    Address,
    ConditionId,
    IntentId,
    OrderHash,
    PolicyId,
    TokenId,
    TxHash,
    intent_id,
    settlement_id,
    signal_id,
)
from remora.domain.market import Book, Level, Listing, MarketInfo
from remora.domain.money import Collateral, Price, Ratio, Shares
from remora.domain.order import BlockOrder, Intent, Leg, OrderState, Part, SettlementStep
from remora.domain.policy import Policy, Sizing, SizingMode
from remora.domain.records import OpenOrder
from remora.domain.signal import Fill, Role, Side, Signal
from tests.fakes.clock import START_US, US

LEADER = Address("0x" + 40 * "a")
EXCHANGE = Address("0x" + 40 * "e")
TOKEN = TokenId(2**255 + 7)
CHAIN_ID = 31337


def wallet(number: int) -> Address:
    """Return an operator wallet."""
    return Address(f"0x0{number:039x}")


def follower(number: int) -> Address:
    """Return a follower."""
    return Address(f"0xf{number:039x}")


def collateral(text: str) -> Collateral:
    """Return an amount of collateral, such as "12.5"."""
    return Collateral.parse(text)


def shares(text: str) -> Shares:
    """Return a number of shares, such as "12.5"."""
    return Shares.parse(text)


def price(text: str) -> Price:
    """Return a price, such as "0.52"."""
    return Price.parse(text)


def ratio(text: str) -> Ratio:
    """Return a factor, such as "0.25"."""
    return Ratio.parse(text)


def signal(side: Side = Side.BUY, *, number: int = 1, **changes: Any) -> Signal:
    """Return the leader's trade: 100 shares for 52, so at 0.52."""
    order_hash, tx_hash = OrderHash(f"0x{number:064x}"), TxHash(f"0x{1000 + number:064x}")
    made = Signal(
        signal_id=signal_id(CHAIN_ID, EXCHANGE, order_hash, tx_hash),
        chain_id=CHAIN_ID,
        exchange=EXCHANGE,
        order_hash=order_hash,
        tx_hash=tx_hash,
        leader=LEADER,
        role=Role.TAKER,
        side=side,
        token_id=TOKEN,
        shares=shares("100"),
        collateral=collateral("52"),
        fee=Collateral(0),
        block_number=100,
        log_index=3,
        heard_us=START_US,
        block_us=START_US,
    )
    return replace(made, **changes)


def policy(number: int = 1, **changes: Any) -> Policy:
    """Return a follower's policy: 10 per entry, any odds, 5 % slippage, 15 s.

    A change is of a whole section (`sizing=Sizing(…)`), or of one field in it (`filters__max_odds=…`).
    """
    made = Policy(
        policy_id=PolicyId(f"policy-{number}"),
        leader=LEADER,
        follower=follower(number),
        sizing=Sizing(mode=SizingMode.FIXED, amount=collateral("10")),
    )
    for name, value in changes.items():
        section, _, which = name.partition("__")
        made = replace(made, **{section: replace(getattr(made, section), **{which: value}) if which else value})
    return made


def market(tick: str = "0.01", *, fee_rate_units: int = 0, neg_risk: bool = False) -> MarketInfo:
    """Return the token's market."""
    return MarketInfo(
        condition_id=ConditionId("0x" + 64 * "c"),
        token_id=TOKEN,
        tick=price(tick),
        min_order_size=shares("5"),
        neg_risk=neg_risk,
        fee_rate_units=fee_rate_units,
    )


def listing(**changes: Any) -> Listing:
    """Return how the venue describes the token's market: a question of politics that ends in ten days."""
    made = Listing(
        question="Will the rate be cut in December?",
        outcome="Yes",
        slug="rate-cut-december",
        event_slug="rate-cuts",
        category="politics",
        tags=frozenset({"economy", "fed"}),
        liquidity=collateral("5000"),
        volume_24h=collateral("20000"),
        ends_us=START_US + 10 * 86_400 * US,
        opposite=TokenId(8),
    )
    return replace(made, **changes)


def asking(*asks: tuple[str, str]) -> Book:
    """Return an order book with so many shares asked at prices, best first; bids are 100 at 0.51."""
    levels = tuple(Level(price=price(at), shares=shares(offered)) for at, offered in asks)
    return Book(bids=(Level(price=price("0.51"), shares=shares("100")),), asks=levels, as_of_us=START_US)


def book(bid: str | None = "0.51", ask: str | None = "0.52", *, as_of_us: int = START_US) -> Book:
    """Return a book of best prices only, 1000 shares at each."""
    sides = [() if best is None else (Level(price=price(best), shares=shares("1000")),) for best in (bid, ask)]
    return Book(bids=sides[0], asks=sides[1], as_of_us=as_of_us)


def intent(number: int = 1, *, of: Signal | None = None, **changes: Any) -> Intent:
    """Return what a follower wants of a signal: to buy for 10, or to sell 20 shares, at 0.54 until a minute later."""
    source = of or signal()
    policy_id = PolicyId(f"policy-{number}")
    buying = source.side is Side.BUY
    made = Intent(
        intent_id=intent_id(source.signal_id, policy_id),
        signal_id=source.signal_id,
        policy_id=policy_id,
        follower=follower(number),
        side=source.side,
        token_id=source.token_id,
        limit=price("0.54"),
        budget=collateral("10" if buying else "0"),
        shares=shares("0" if buying else "20"),
        deadline_us=START_US + 60 * US,
    )
    return made._replace(**changes)


def part(number: int, *, budget: str = "0", sold: str = "0") -> Part:
    """Return a follower's part in a block order."""
    return Part(
        intent_id=IntentId(f"intent-{number}"),
        follower=follower(number),
        budget=collateral(budget),
        shares=shares(sold),
    )


def block(side: Side, limit: str, parts: Sequence[Part], **changes: Any) -> BlockOrder:
    """Return a block order of the parts."""
    made = BlockOrder(token_id=TOKEN, side=side, limit=price(limit), parts=tuple(parts), deadline_us=START_US + 60 * US)
    return replace(made, **changes)


def open_order(of: BlockOrder, *, matched: str | None = None) -> OpenOrder:
    """Return a recorded order of wallet 1; with `matched` shares if the venue has answered."""
    return OpenOrder(
        order_hash=OrderHash("0x" + 64 * "b"),
        wallet=wallet(1),
        block=of,
        state=OrderState.RECORDED if matched is None else OrderState.ACCEPTED,
        making=0,
        matched=None if matched is None else shares(matched),
        sent_us=START_US,
    )


def fill(order_hash: OrderHash, side: Side = Side.BUY, *, number: int = 1, **changes: Any) -> Fill:
    """Return what an order of wallet 1 filled in a block: 20 shares for 10 with a fee of 0.1."""
    made = Fill(
        wallet=wallet(1),
        counterparty=EXCHANGE,
        role=Role.TAKER,
        side=side,
        token_id=TOKEN,
        shares=shares("20"),
        collateral=collateral("10"),
        fee=collateral("0.1"),
        order_hash=order_hash,
        exchange=EXCHANGE,
        tx_hash=TxHash(f"0x{2000 + number:064x}"),
        block_number=101,
        log_index=5,
    )
    return made._replace(**changes)


def leg(step: SettlementStep, intent_of: Intent, *, operator: int = 1, **changes: Any) -> Leg:
    """Return an intent's leg: 20 shares for 10."""
    made = Leg(
        settlement_id=settlement_id(step, intent_of.intent_id),
        intent_id=intent_of.intent_id,
        step=step,
        wallet=wallet(operator),
        follower=intent_of.follower,
        token_id=intent_of.token_id,
        shares=shares("20"),
        collateral=collateral("10"),
    )
    return replace(made, **changes)
