"""The official SDK, unmodified, places, cancels and is refused as on the venue."""

from __future__ import annotations

from decimal import Decimal

import pytest
from polymarket import RejectedOrder, RequestRejectedError

from tests.contract.sdk.pit import Balances, OpenPit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_client_makes_an_api_key_and_the_venue_lists_it(alice: Trader) -> None:
    assert alice.client.credentials.key in await alice.client.fetch_api_keys()
    assert alice.client.wallet.lower() == alice.wallet


async def test_a_resting_order_is_listed_until_it_is_cancelled(open_pit: OpenPit, alice: Trader) -> None:
    pit = await open_pit()
    order = accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.40", size="25", side="BUY"))
    assert order.status == "live"

    (listed,) = (await alice.client.list_open_orders(market=pit.market.condition_id).first_page()).items
    assert (listed.id, listed.asset_id, listed.side, listed.outcome) == (order.order_id, pit.yes, "BUY", "Yes")
    assert (listed.price, listed.original_size, listed.size_matched) == (Decimal("0.4"), Decimal(25), Decimal(0))
    assert listed == await alice.client.get_order(order_id=order.order_id)

    assert (await alice.client.cancel_order(order_id=order.order_id)).canceled == (order.order_id,)
    assert (await alice.client.list_open_orders(market=pit.market.condition_id).first_page()).items == ()
    assert await pit.change_of(alice.wallet) == Balances(0, 0, 0)


async def test_book_and_prices_are_those_of_the_resting_orders(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit()
    for price in ("0.40", "0.42"):
        accepted(await alice.client.place_limit_order(token_id=pit.yes, price=price, size="10", side="BUY"))
    for price in ("0.55", "0.50"):
        accepted(await alice.client.place_limit_order(token_id=pit.yes, price=price, size="10", side="SELL"))

    book = await bob.client.get_order_book(token_id=pit.yes)
    assert [level.price for level in book.bids] == [Decimal("0.40"), Decimal("0.42")]
    assert [level.price for level in book.asks] == [Decimal("0.55"), Decimal("0.50")]
    assert await bob.client.get_price(token_id=pit.yes, side="BUY") == Decimal("0.42")
    assert await bob.client.get_price(token_id=pit.yes, side="SELL") == Decimal("0.50")
    assert await bob.client.get_midpoint(token_id=pit.yes) == Decimal("0.46")
    assert await bob.client.get_spread(token_id=pit.yes) == Decimal("0.08")

    mirrored = await bob.client.get_order_book(token_id=pit.no)
    assert [level.price for level in mirrored.bids] == [Decimal("0.45"), Decimal("0.50")]
    assert [level.price for level in mirrored.asks] == [Decimal("0.60"), Decimal("0.58")]


async def test_a_market_order_without_a_match_is_refused(open_pit: OpenPit, bob: Trader) -> None:
    pit = await open_pit()
    with pytest.raises(RequestRejectedError, match="no orders found to match with FAK order"):
        await bob.client.place_market_order(token_id=pit.yes, side="BUY", amount="5", max_price="0.5")
    assert await pit.change_of(bob.wallet) == Balances(0, 0, 0)


async def test_a_fill_or_kill_order_too_large_for_the_book_changes_nothing(
    open_pit: OpenPit, alice: Trader, bob: Trader
) -> None:
    pit = await open_pit()
    resting = accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="10", side="SELL"))
    with pytest.raises(RequestRejectedError, match="FOK orders are fully filled or killed"):
        await bob.client.place_market_order(
            token_id=pit.yes, side="BUY", amount="6", max_price="0.50", order_type="FOK"
        )
    assert (await alice.client.get_order(order_id=resting.order_id)).size_matched == 0


async def test_a_post_only_order_that_crosses_is_refused(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit()
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="10", side="SELL"))
    with pytest.raises(RequestRejectedError, match="order crosses book"):
        await bob.client.place_limit_order(token_id=pit.yes, price="0.50", size="10", side="BUY", post_only=True)


async def test_orders_posted_together_are_answered_one_by_one(open_pit: OpenPit, alice: Trader) -> None:
    pit = await open_pit()
    good = await alice.client.create_limit_order(token_id=pit.yes, price="0.20", size="10", side="BUY")
    small = await alice.client.create_limit_order(token_id=pit.yes, price="0.20", size="1", side="BUY")
    first, second = await alice.client.post_orders([good, small])
    assert accepted(first).status == "live"
    assert isinstance(second, RejectedOrder)
    assert "lower than the minimum" in second.message


async def test_cancel_all_leaves_no_order(open_pit: OpenPit, alice: Trader) -> None:
    pit = await open_pit()
    order = accepted(await alice.client.place_limit_order(token_id=pit.no, price="0.10", size="10", side="BUY"))
    assert order.order_id in (await alice.client.cancel_all()).canceled
    assert (await alice.client.list_open_orders().first_page()).items == ()
