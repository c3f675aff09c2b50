"""Laws of an order's amounts: they are those of the official SDK, and the price in them is no worse than the limit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Literal

from hypothesis import example, given
from hypothesis import strategies as st
from polymarket._internal.actions.orders.market import _compute_market_order_amounts

from remora.dispatch.minimum import CENT
from remora.domain.money import ONE, Price, format_units
from remora.domain.signal import Side
from remora.execute.blocks import amounts
from tests.fakes.specimens import block, market, part

TICKS = ("0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001")


@given(cents=st.integers(1, 10**8), tick=st.sampled_from(TICKS), data=st.data())
@example(cents=1, tick="0.0001", data=None)
def test_a_buys_amounts_are_those_of_the_official_sdk(cents: int, tick: str, data: st.DataObject | None) -> None:
    where = market(tick)
    steps = 1 if data is None else data.draw(st.integers(1, ONE // where.tick.units - 1))
    limit = Price(steps * where.tick.units)
    order = block(Side.BUY, str(limit), [part(1, budget=format_units(cents * CENT, 6))])
    making, taking = amounts(order, where)
    assert (making, taking) == sdk_amounts(making, limit, "BUY", tick)
    assert making == cents * CENT
    price = Fraction(making * ONE, taking)
    assert limit.units <= price < limit.units + where.tick.units  # hits who asks the limit, and nobody who asks more
    assert taking % where.amount_step == 0


@given(units=st.integers(CENT, 10**12), tick=st.sampled_from(TICKS), data=st.data())
def test_a_sales_amounts_are_those_of_the_official_sdk(units: int, tick: str, data: st.DataObject) -> None:
    where = market(tick)
    limit = Price(data.draw(st.integers(1, ONE // where.tick.units - 1)) * where.tick.units)
    order = block(Side.SELL, str(limit), [part(1, sold=format_units(units, 6))])
    making, taking = amounts(order, where)
    assert (making, taking) == sdk_amounts(units, limit, "SELL", tick)
    assert units - CENT < making <= units
    assert Fraction(taking, making) <= Fraction(limit.units, ONE)


def sdk_amounts(units: int, limit: Price, side: Literal["BUY", "SELL"], tick: str) -> tuple[int, int]:
    return _compute_market_order_amounts(
        amount=Decimal(format_units(units, 6)), price=Decimal(str(limit)), side=side, tick_size=Decimal(tick)
    )
