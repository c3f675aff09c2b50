"""Which terms of an order the server takes, and in which words it refuses the others."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polymarket._internal.actions.orders.limit import _compute_limit_order_amounts
from polymarket._internal.actions.orders.market import _compute_market_order_amounts

from remora.devnet.clob.orders import OrderRequest, OrderType, Side
from remora.devnet.clob.precision import BY_TICK
from remora.devnet.clob.refusals import Refusal
from remora.devnet.clob.rules import price_of
from remora.devnet.clob.units import from_text, to_text
from tests.unit.devnet.scene import ALICE, YES, limit, listing, market_buy, request

NOW = 1_800_000_000


def priced(order: OrderRequest, tick_size: str = "0.01") -> int:
    return price_of("0x1d", order, listing(tick_size=tick_size), NOW)


def refused(order: OrderRequest, tick_size: str = "0.01") -> str:
    with pytest.raises(Refusal) as caught:
        priced(order, tick_size)
    return caught.value.text


TICKS = st.sampled_from([to_text(tick) for tick in BY_TICK])


@given(TICKS, st.integers(1, 9_999), st.integers(500, 10**7), st.sampled_from(Side))
def test_every_limit_order_of_the_sdk_is_taken_at_its_price(tick: str, steps: int, cents: int, side: Side) -> None:
    price = Decimal(tick) * (1 + steps % (int(1 / Decimal(tick)) - 1))
    making, taking = _compute_limit_order_amounts(
        price=price, size=Decimal(cents) / 100, side=side.value, tick_size=Decimal(tick)
    )
    order = request(ALICE, side, YES, making, taking)
    assert priced(order, tick) == price * 10**6


@given(TICKS, st.integers(1, 9_999), st.integers(100, 10**7), st.sampled_from(Side))
def test_every_market_order_of_the_sdk_is_taken_at_its_price(tick: str, steps: int, cents: int, side: Side) -> None:
    price = Decimal(tick) * (1 + steps % (int(1 / Decimal(tick)) - 1))
    making, taking = _compute_market_order_amounts(
        amount=Decimal(cents) / 100, price=price, side=side.value, tick_size=Decimal(tick)
    )
    order = request(ALICE, side, YES, making, taking, kind=OrderType.FAK)
    assert priced(order, tick) == price * 10**6


@pytest.mark.parametrize(
    ("price", "tick_size"),
    [("0.555", "0.01"), ("0.001", "0.01"), ("0.995", "0.01"), ("0.0012", "0.005"), ("1", "0.01")],
)
def test_a_price_off_the_grid_or_outside_it_breaks_the_tick_rule(price: str, tick_size: str) -> None:
    text = refused(limit(ALICE, Side.BUY, YES, "100", price), tick_size)
    assert text == f"order 0x1d is invalid. Price ({price}) breaks minimum tick size rule: {tick_size}"


def test_a_resting_order_has_a_minimum_size() -> None:
    text = refused(limit(ALICE, Side.SELL, YES, "4.99", "0.5"))
    assert text == "order 0x1d is invalid. Size (4.99) lower than the minimum: 5"


def test_a_market_order_has_no_minimum_size_of_its_own() -> None:
    assert priced(market_buy(ALICE, YES, "1", "0.55")) == 550_000


@pytest.mark.parametrize(
    ("order", "kind", "maker_places", "taker_places"),
    [
        (request(ALICE, Side.BUY, YES, 5_005_000, 9_101_000), "buy", 4, 2),
        (request(ALICE, Side.SELL, YES, 9_101_000, 5_005_000), "sell", 2, 4),
        (request(ALICE, Side.BUY, YES, 5_005_000, 9_100_000, kind=OrderType.FAK), "market buy", 2, 4),
        (request(ALICE, Side.BUY, YES, 5_000_000, 9_090_901, kind=OrderType.FOK), "market buy", 2, 4),
        (request(ALICE, Side.SELL, YES, 9_101_000, 5_000_000, kind=OrderType.FAK), "market sell", 2, 4),
    ],
)
def test_amounts_with_too_many_decimals_are_refused(
    order: OrderRequest, kind: str, maker_places: int, taker_places: int
) -> None:
    assert refused(order) == (
        f"invalid amounts, the {kind} orders maker amount supports a max accuracy of {maker_places} decimals, "
        f"taker amount a max of {taker_places} decimals"
    )


@pytest.mark.parametrize(
    ("kind", "expiration_s"),
    [
        (OrderType.GTC, NOW + 3600),
        (OrderType.FAK, 1),
        (OrderType.GTD, 0),
        (OrderType.GTD, NOW + 60),
    ],
)
def test_only_gtd_orders_expire_and_not_within_a_minute(kind: OrderType, expiration_s: int) -> None:
    order = limit(ALICE, Side.BUY, YES, "10", "0.5", kind=kind, expiration_s=expiration_s)
    assert refused(order) == "invalid expiration"


def test_a_gtd_order_that_lives_longer_than_a_minute_is_taken() -> None:
    order = limit(ALICE, Side.BUY, YES, "10", "0.5", kind=OrderType.GTD, expiration_s=NOW + 61)
    assert priced(order) == from_text("0.5")
