"""The official SDK reads from the Data API what happened on the devnet: trades, activity, positions, in pages."""

from __future__ import annotations

from decimal import Decimal

import pytest
from polymarket.models.data import Position, SplitActivity, Trade, TradeActivity

from remora.adapters.clock import SystemClock
from remora.adapters.venue.data_api import DataApi
from remora.domain.money import Collateral
from tests.contract.sdk.pit import OpenPit, Pit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def deal(pit: Pit, alice: Trader, bob: Trader, *, price: str, shares: str) -> str:
    """Have Bob buy YES of Alice, and return the transaction's hash."""
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price=price, size=shares, side="SELL"))
    amount = str(Decimal(price) * Decimal(shares))
    order = await bob.settled(
        await bob.client.place_market_order(token_id=pit.yes, side="BUY", amount=amount, max_price=price)
    )
    trades = await bob.client.list_account_trades(id=order.trade_ids[0]).first_page()
    return str(trades.items[0].transaction_hash)


async def listed_trades(pit: Pit, trader: Trader, *, taker_only: bool) -> tuple[Trade, ...]:
    """Return what a trader's client lists unless told otherwise: its own wallet's trades."""
    page = trader.client.list_trades(condition_id=pit.market.condition_id, taker_only=taker_only)
    return (await page.first_page()).items


async def test_a_trade_has_a_row_for_each_party(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit(fee_rate="0.05")
    tx_hash = await deal(pit, alice, bob, price="0.40", shares="20")

    (taken,) = await listed_trades(pit, bob, taker_only=True)
    assert (taken.wallet.lower(), taken.side, taken.asset_id) == (bob.wallet, "BUY", pit.yes)
    assert (taken.size, taken.price, taken.transaction_hash) == (Decimal(20), Decimal("0.4"), tx_hash)
    assert (taken.outcome, taken.outcome_index, taken.title) == ("Yes", 0, pit.market.question)
    assert await listed_trades(pit, alice, taker_only=True) == ()
    (made,) = await listed_trades(pit, alice, taker_only=False)
    assert (made.wallet.lower(), made.side, made.size) == (alice.wallet, "SELL", Decimal(20))


async def test_two_buyers_of_opposite_outcomes_have_different_tokens(
    open_pit: OpenPit, alice: Trader, bob: Trader
) -> None:
    pit = await open_pit()
    accepted(await alice.client.place_limit_order(token_id=pit.no, price="0.70", size="10", side="BUY"))
    await bob.settled(await bob.client.place_limit_order(token_id=pit.yes, price="0.30", size="10", side="BUY"))
    (made,) = await listed_trades(pit, alice, taker_only=False)
    (taken,) = await listed_trades(pit, bob, taker_only=False)
    assert (made.asset_id, made.side, made.price) == (pit.no, "BUY", Decimal("0.7"))
    assert (taken.asset_id, taken.side, taken.price) == (pit.yes, "BUY", Decimal("0.3"))


async def test_pages_neither_repeat_nor_hide_what_comes_meanwhile(
    open_pit: OpenPit, alice: Trader, bob: Trader
) -> None:
    pit = await open_pit()
    hashes = [await deal(pit, alice, bob, price="0.50", shares="10") for _ in range(3)]
    pages = bob.client.list_trades(condition_id=pit.market.condition_id, user=bob.wallet, page_size=2)
    first = await pages.first_page()
    later = await deal(pit, alice, bob, price="0.50", shares="10")
    second = await pages.from_cursor(first.next_cursor).first_page() if first.next_cursor else None
    assert second is not None
    assert [each.transaction_hash for each in (*first.items, *second.items)] == hashes[::-1]
    assert not second.has_more
    (newest, *_) = await listed_trades(pit, bob, taker_only=True)
    assert newest.transaction_hash == later


async def test_activity_is_trades_and_splits(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit(fee_rate="0.05")
    await deal(pit, alice, bob, price="0.59", shares="10")
    condition = pit.market.condition_id

    bought, split = (await bob.client.list_activity(user=bob.wallet, condition_id=condition).first_page()).items
    assert isinstance(bought, TradeActivity)
    # 10 x 0.59, and 0.05 x 0.59 x 0.41 x 10 = 0.12095 of fee on top
    assert (bought.side, bought.shares, bought.amount) == ("BUY", Decimal(10), Decimal("6.02095"))
    assert isinstance(split, SplitActivity)
    assert (split.amount, split.slug) == (Decimal(1000), pit.market.slug)

    only = bob.client.list_activity(user=bob.wallet, condition_id=condition, activity_types=["SPLIT"])
    assert [each.type for each in (await only.first_page()).items] == ["SPLIT"]


async def test_positions_are_what_the_chain_says_at_what_the_book_says(
    open_pit: OpenPit, alice: Trader, bob: Trader
) -> None:
    pit = await open_pit()
    await deal(pit, alice, bob, price="0.40", shares="100")
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.55", size="10", side="BUY"))
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.65", size="10", side="SELL"))

    pages = bob.client.list_positions(user=bob.wallet, condition_id=pit.market.condition_id)
    held: dict[str, Position] = {each.asset_id: each for each in (await pages.first_page()).items}
    yes = held[pit.yes]
    # 1000 split at 0.50 and 100 bought at 0.40 cost 540; at 0.60 they are worth 660
    assert (yes.current_size, yes.total_size, yes.entry_cost_usdc) == (Decimal(1100), Decimal(100), Decimal(540))
    assert (yes.current_price, yes.current_value, yes.unrealized_pnl) == (Decimal("0.6"), Decimal(660), Decimal(120))
    assert (yes.status, yes.mergeable, yes.opposite_asset_id) == ("OPEN", True, pit.no)
    assert held[pit.no].current_value == Decimal(400)
    value = await bob.client.get_portfolio_value(user=bob.wallet, condition_ids=pit.market.condition_id)
    assert value.value == Decimal(1060)


async def test_what_a_wallets_shares_are_worth_is_what_remora_reads(
    open_pit: OpenPit, alice: Trader, bob: Trader
) -> None:
    pit = await open_pit()
    await deal(pit, alice, bob, price="0.40", shares="20")
    told = await bob.client.get_portfolio_value(user=bob.wallet)
    async with DataApi(data_url=pit.devnet.endpoints.data_url, clock=SystemClock()) as history:
        value = await history.positions_value(bob.wallet)
    assert value.units > 0
    assert value == Collateral(int(told.value * 1_000_000))
