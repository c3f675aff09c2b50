"""One case for each method with which the SDK trades and looks at its own orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import pytest
from polymarket import RequestRejectedError
from polymarket.types import EvmAddress

from tests.contract.sdk.pit import accepted
from tests.contract.sdk.stage import Stage

Case: TypeAlias = Callable[[Stage], Awaitable[None]]
BUILDER_CODE = "0x" + "b7" * 32
_DAY = "2026-11-22"


async def place_limit_order(stage: Stage) -> None:
    bid = await stage.bid()
    assert (await stage.ask("get_order", order_id=bid.order_id)).status == "LIVE"


async def create_limit_order(stage: Stage) -> None:
    signed = await stage.ask("create_limit_order", token_id=stage.yes, price="0.10", size="10", side="BUY")
    assert accepted(await stage.ask("post_order", signed)).status == "live"


async def create_market_order(stage: Stage) -> None:
    await stage.offer()
    signed = await stage.ask("create_market_order", token_id=stage.yes, side="BUY", amount="5", max_price="0.50")
    bought = accepted(await stage.ask("post_order", signed))
    # 5 / 0.50 = 10
    assert (bought.status, bought.taking_amount) == ("matched", Decimal(10))


async def place_market_order(stage: Stage) -> None:
    assert (await stage.buy("10")).taking_amount == Decimal(20)
    await stage.other.client.cancel_all()
    accepted(await stage.other.client.place_limit_order(token_id=stage.yes, price="0.40", size="10", side="BUY"))
    sold = accepted(
        await stage.ask("place_market_order", token_id=stage.yes, side="SELL", shares="10", min_price="0.40")
    )
    # 10 x 0.40 = 4
    assert (sold.making_amount, sold.taking_amount) == (Decimal(10), Decimal(4))


async def post_orders(stage: Stage) -> None:
    signed = [
        await stage.ask("create_limit_order", token_id=stage.yes, price=price, size="10", side="BUY")
        for price in ("0.10", "0.11")
    ]
    posted = await stage.ask("post_orders", signed)
    assert [accepted(order).status for order in posted] == ["live", "live"]


async def wait_for_order_fill_settlement(stage: Stage) -> None:
    bought = await stage.buy()
    (tx_hash,) = await stage.ask("wait_for_order_fill_settlement", bought)
    receipt = await stage.devnet.node.call("eth_getTransactionReceipt", tx_hash)
    assert int(receipt["status"], 16) == 1


async def cancel_order(stage: Stage) -> None:
    bid = await stage.bid()
    assert (await stage.ask("cancel_order", order_id=bid.order_id)).canceled == (bid.order_id,)
    assert (await stage.ask("get_order", order_id=bid.order_id)).status == "CANCELED"


async def cancel_orders(stage: Stage) -> None:
    bids = [(await stage.bid(price)).order_id for price in ("0.10", "0.11")]
    answered = await stage.ask("cancel_orders", order_ids=[*bids, "0x" + "00" * 32])
    assert set(answered.canceled) == set(bids)
    assert [*answered.not_canceled] == ["0x" + "00" * 32]


async def cancel_all(stage: Stage) -> None:
    bids = {(await stage.bid(price)).order_id for price in ("0.10", "0.11")}
    assert set((await stage.ask("cancel_all")).canceled) >= bids
    assert await stage.page("list_open_orders") == ()


async def cancel_market_orders(stage: Stage) -> None:
    bid = await stage.bid()
    assert (await stage.ask("cancel_market_orders", asset_id=stage.no)).canceled == ()
    answered = await stage.ask("cancel_market_orders", market=stage.market.condition_id)
    assert bid.order_id in answered.canceled


async def list_open_orders(stage: Stage) -> None:
    bid = await stage.bid()
    (found,) = await stage.page("list_open_orders", market=stage.market.condition_id)
    assert (found.id, found.maker_address.lower()) == (bid.order_id, stage.wallet)


async def list_account_trades(stage: Stage) -> None:
    bought = await stage.buy()
    (trade,) = await stage.page("list_account_trades", id=bought.trade_ids[0])
    assert (trade.status, trade.trader_side, trade.size) == ("CONFIRMED", "TAKER", Decimal(10))


async def estimate_market_price(stage: Stage) -> None:
    await stage.offer(price="0.45", size="10")
    await stage.offer(price="0.50", size="10")
    # 4.50 takes the first ten shares, more reaches into the next
    for amount, price in (("4.5", "0.45"), ("5", "0.5")):
        estimate = await stage.ask("estimate_market_price", token_id=stage.yes, side="BUY", amount=amount)
        assert estimate == Decimal(price)


async def send_order_heartbeat(stage: Stage) -> None:
    async with stage.another(100) as another:
        first = await stage.flavour.call(another, "send_order_heartbeat")
        second = await stage.flavour.call(another, "send_order_heartbeat", heartbeat_id=first.heartbeat_id)
        assert second.heartbeat_id
        with pytest.raises(RequestRejectedError, match="Invalid Heartbeat ID"):
            await stage.flavour.call(another, "send_order_heartbeat", heartbeat_id="wrong")


async def get_balance_allowance(stage: Stage) -> None:
    held = await stage.ask("get_balance_allowance", asset_type="COLLATERAL")
    assert held.balance == await stage.has_collateral()
    assert len(held.allowances) >= 2


async def get_closed_only_mode(stage: Stage) -> None:
    assert await stage.ask("get_closed_only_mode") is False


async def get_notifications(stage: Stage) -> None:
    bid, bought = await stage.bid(), await stage.buy()
    await stage.ask("cancel_order", order_id=bid.order_id)
    notes = await stage.ask("get_notifications")
    assert {(note.type.name, note.payload.order_id) for note in notes} >= {
        ("ORDER_CANCELLATION", bid.order_id),
        ("ORDER_FILL", bought.order_id),
    }
    fill = next(note for note in notes if note.payload.order_id == bought.order_id)
    assert (fill.payload.trade_id, fill.payload.matched_size) == (bought.trade_ids[0], Decimal(10))


async def drop_notifications(stage: Stage) -> None:
    await stage.ask("cancel_order", order_id=(await stage.bid()).order_id)
    ids = [note.id for note in await stage.ask("get_notifications")]
    await stage.ask("drop_notifications", ids=ids[:1])
    assert [note.id for note in await stage.ask("get_notifications")] == ids[1:]


async def get_order_scoring(stage: Stage) -> None:
    assert await stage.ask("get_order_scoring", order_id=(await stage.bid()).order_id) is False
    with pytest.raises(RequestRejectedError, match="order not found"):
        await stage.ask("get_order_scoring", order_id="0x00")


async def get_orders_scoring(stage: Stage) -> None:
    bid = await stage.bid()
    assert await stage.ask("get_orders_scoring", order_ids=[bid.order_id]) == {bid.order_id: False}


async def get_builder_fee_rates(stage: Stage) -> None:
    rates = await stage.ask("get_builder_fee_rates", BUILDER_CODE)
    assert (rates.maker, rates.taker) == (0, 0)


async def list_builder_trades(stage: Stage) -> None:
    if not stage.flavour.is_secure:
        assert await stage.page("list_builder_trades", builder_code="0x" + "b8" * 32) == ()
        return
    bought = await stage.buy(builder_code=BUILDER_CODE)
    (brought,) = await stage.page("list_builder_trades", builder_code=BUILDER_CODE, id=bought.trade_ids[0])
    # 10 x 0.50 = 5
    assert (brought.size, brought.size_usdc, brought.maker.lower()) == (Decimal(10), Decimal(5), stage.wallet)
    assert await stage.page("list_builder_trades", builder_code="0x" + "b8" * 32) == ()


def nothing_of(method: str, **named: Any) -> Case:
    """Return the case that a list of rewards is empty, as a devnet pays none."""

    async def case(stage: Stage) -> None:
        assert tuple(await stage.page(method, **named)) == ()

    return case


async def list_market_rewards(stage: Stage) -> None:
    assert await stage.page("list_market_rewards", condition_id=stage.market.condition_id) == ()


async def get_total_earnings_for_user_for_day(stage: Stage) -> None:
    assert await stage.ask("get_total_earnings_for_user_for_day", date=_DAY) == ()


async def get_reward_percentages(stage: Stage) -> None:
    assert await stage.ask("get_reward_percentages") == {}


async def get_current_rebates(stage: Stage) -> None:
    assert await stage.ask("get_current_rebates", date=_DAY, maker_address=EvmAddress(stage.wallet)) == ()


TRADING: Mapping[str, Case] = {
    "place_limit_order": place_limit_order,
    "create_limit_order": create_limit_order,
    "create_market_order": create_market_order,
    "place_market_order": place_market_order,
    "post_order": create_limit_order,
    "post_orders": post_orders,
    "wait_for_order_fill_settlement": wait_for_order_fill_settlement,
    "cancel_order": cancel_order,
    "cancel_orders": cancel_orders,
    "cancel_all": cancel_all,
    "cancel_market_orders": cancel_market_orders,
    "get_order": place_limit_order,
    "list_open_orders": list_open_orders,
    "list_account_trades": list_account_trades,
    "estimate_market_price": estimate_market_price,
    "send_order_heartbeat": send_order_heartbeat,
    "get_balance_allowance": get_balance_allowance,
    "get_closed_only_mode": get_closed_only_mode,
    "get_notifications": get_notifications,
    "drop_notifications": drop_notifications,
    "get_order_scoring": get_order_scoring,
    "get_orders_scoring": get_orders_scoring,
    "get_builder_fee_rates": get_builder_fee_rates,
    "list_builder_trades": list_builder_trades,
    "list_reward_markets": nothing_of("list_reward_markets"),
    "list_current_rewards": nothing_of("list_current_rewards"),
    "list_market_rewards": list_market_rewards,
    "list_user_earnings_for_day": nothing_of("list_user_earnings_for_day", date=_DAY),
    "list_user_earnings_and_markets_config": nothing_of("list_user_earnings_and_markets_config", date=_DAY),
    "get_total_earnings_for_user_for_day": get_total_earnings_for_user_for_day,
    "get_reward_percentages": get_reward_percentages,
    "get_current_rebates": get_current_rebates,
}
