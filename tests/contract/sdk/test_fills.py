"""Trades of the official SDK, from its answer to the last base unit on chain; the arithmetic stands beside each row."""

from __future__ import annotations

from decimal import Decimal

import pytest

from remora.devnet.rpc import Node
from tests.contract.sdk.pit import Balances, OpenPit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")

U = 1_000_000


async def test_a_market_buy_takes_a_resting_sell(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit()
    sell = accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.52", size="100", side="SELL"))
    buy = await bob.settled(
        await bob.client.place_market_order(token_id=pit.yes, side="BUY", amount="10.40", max_price="0.55")
    )
    # 10.40 / 0.52 = 20 shares, at the resting price, not at the bound
    assert (buy.status, buy.making_amount, buy.taking_amount) == ("matched", Decimal("10.4"), Decimal(20))
    assert await pit.change_of(bob.wallet) == Balances(-10_400_000, 20 * U, 0)
    assert await pit.change_of(alice.wallet) == Balances(10_400_000, -20 * U, 0)

    resting = await alice.client.get_order(order_id=sell.order_id)
    assert (resting.size_matched, resting.associate_trades) == (Decimal(20), buy.trade_ids)


async def test_a_market_sell_takes_resting_buys_best_first(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit()
    for price in ("0.30", "0.35"):
        accepted(await alice.client.place_limit_order(token_id=pit.yes, price=price, size="40", side="BUY"))
    sale = await bob.settled(
        await bob.client.place_market_order(token_id=pit.yes, side="SELL", shares="50", min_price="0.25")
    )
    # 40 x 0.35 + 10 x 0.30 = 17
    assert (sale.making_amount, sale.taking_amount) == (Decimal(50), Decimal(17))
    assert await pit.change_of(bob.wallet) == Balances(17 * U, -50 * U, 0)
    assert await pit.change_of(alice.wallet) == Balances(-17 * U, 50 * U, 0)


async def test_a_price_bound_leaves_worse_prices_alone(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit()
    for price in ("0.50", "0.60"):
        accepted(await alice.client.place_limit_order(token_id=pit.yes, price=price, size="10", side="SELL"))
    buy = await bob.settled(
        await bob.client.place_market_order(token_id=pit.yes, side="BUY", amount="20", max_price="0.50")
    )
    # 10 shares at 0.50 are all there is; the other 15 are not spent
    assert (buy.making_amount, buy.taking_amount) == (Decimal(5), Decimal(10))
    assert await pit.change_of(bob.wallet) == Balances(-5 * U, 10 * U, 0)


@pytest.mark.parametrize("neg_risk", [False, True])
async def test_two_buyers_of_opposite_outcomes_mint_a_set(
    open_pit: OpenPit, alice: Trader, bob: Trader, neg_risk: bool
) -> None:
    pit = await open_pit(neg_risk=neg_risk)
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.60", size="30", side="BUY"))
    buy = await bob.settled(await bob.client.place_limit_order(token_id=pit.no, price="0.45", size="30", side="BUY"))
    # Alice pays her 0.60 x 30 = 18; Bob the rest of the set, 0.40 x 30 = 12, though he offered 13.50
    assert (buy.making_amount, buy.taking_amount) == (Decimal(12), Decimal(30))
    assert await pit.change_of(alice.wallet) == Balances(-18 * U, 30 * U, 0)
    assert await pit.change_of(bob.wallet) == Balances(-12 * U, 0, 30 * U)


@pytest.mark.parametrize("neg_risk", [False, True])
async def test_two_sellers_of_opposite_outcomes_merge_a_set(
    open_pit: OpenPit, alice: Trader, bob: Trader, neg_risk: bool
) -> None:
    pit = await open_pit(neg_risk=neg_risk)
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.55", size="30", side="SELL"))
    sale = await bob.settled(
        await bob.client.place_market_order(token_id=pit.no, side="SELL", shares="20", min_price="0.40")
    )
    # Alice gets her 0.55 x 20 = 11; Bob the rest of the set, 0.45 x 20 = 9
    assert (sale.making_amount, sale.taking_amount) == (Decimal(20), Decimal(9))
    assert await pit.change_of(alice.wallet) == Balances(11 * U, -20 * U, 0)
    assert await pit.change_of(bob.wallet) == Balances(9 * U, 0, -20 * U)


async def test_a_taker_buy_pays_the_fee_on_top(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit(fee_rate="0.05")
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.52", size="100", side="SELL"))
    buy = await bob.settled(
        await bob.client.place_market_order(token_id=pit.yes, side="BUY", amount="10.40", max_price="0.55")
    )
    # 20 shares x 0.05 x 0.52 x 0.48 = 0.2496; what the API says is without it
    assert (buy.making_amount, buy.taking_amount) == (Decimal("10.4"), Decimal(20))
    assert await pit.change_of(bob.wallet) == Balances(-10_400_000 - 249_600, 20 * U, 0)
    assert await pit.change_of(alice.wallet) == Balances(10_400_000, -20 * U, 0)
    assert await pit.change_of(pit.fee_receiver) == Balances(249_600, 0, 0)


async def test_a_taker_sale_pays_the_fee_out_of_the_proceeds(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit(fee_rate="0.05")
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.33", size="100", side="BUY"))
    sale = await bob.settled(
        await bob.client.place_market_order(token_id=pit.yes, side="SELL", shares="7.01", min_price="0.30")
    )
    # 7.01 x 0.33 = 2.3133; the fee 7.01 x 0.05 x 0.33 x 0.67 = 0.07749555 has five decimals: 0.07750
    assert (sale.making_amount, sale.taking_amount) == (Decimal("7.01"), Decimal("2.3133"))
    assert await pit.change_of(bob.wallet) == Balances(2_313_300 - 77_500, -7_010_000, 0)
    assert await pit.change_of(alice.wallet) == Balances(-2_313_300, 7_010_000, 0)
    assert await pit.change_of(pit.fee_receiver) == Balances(77_500, 0, 0)


async def test_both_sides_list_the_trade_and_its_transaction(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit()
    sell = accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.25", size="40", side="SELL"))
    buy = await bob.settled(
        await bob.client.place_market_order(token_id=pit.yes, side="BUY", amount="5", max_price="0.25")
    )
    condition_id = pit.market.condition_id
    (taken,) = (await bob.client.list_account_trades(market=condition_id).first_page()).items
    (made,) = (await alice.client.list_account_trades(market=condition_id).first_page()).items
    for trade, trader_side in ((taken, "TAKER"), (made, "MAKER")):
        assert (trade.id, trade.status, trade.trader_side) == (buy.trade_ids[0], "CONFIRMED", trader_side)
        assert (trade.taker_order_id, trade.price, trade.size) == (buy.order_id, Decimal("0.25"), Decimal(20))
        (maker_order,) = trade.maker_orders
        assert (maker_order.order_id, maker_order.matched_amount) == (sell.order_id, Decimal(20))
    assert taken.transaction_hash == made.transaction_hash
    assert await _succeeded(pit.devnet.node, taken.transaction_hash)


async def test_the_api_balance_is_the_balance_on_chain(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit()
    accepted(await alice.client.place_limit_order(token_id=pit.no, price="0.70", size="10", side="SELL"))
    await bob.settled(await bob.client.place_market_order(token_id=pit.no, side="BUY", amount="7", max_price="0.70"))
    held = await pit.balances_of(bob.wallet)
    assert (await bob.client.get_balance_allowance(asset_type="COLLATERAL")).balance == held.collateral
    shares = await bob.client.get_balance_allowance(asset_type="CONDITIONAL", token_id=pit.no)
    assert shares.balance == held.no == 1_010 * U


async def _succeeded(node: Node, transaction_hash: str | None) -> bool:
    receipt = await node.call("eth_getTransactionReceipt", transaction_hash)
    return int(receipt["status"], 16) == 1
