"""Laws that hold whatever is ordered: the contract never refuses a trade, nothing is made or lost, claims add up."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from remora.devnet.clob.matching import is_spent
from remora.devnet.clob.orders import OrderRequest, OrderType, Side
from remora.devnet.clob.precision import BY_TICK
from remora.devnet.clob.refusals import Refusal
from remora.devnet.clob.trades import Trade
from remora.devnet.clob.units import to_text
from remora.devnet.endpoints import Version
from tests.unit.devnet.exchange_model import ExchangeModel
from tests.unit.devnet.scene import ALICE, BOB, CAROL, NO, PLENTY, YES, Scene, request

_MAKERS = st.sampled_from([ALICE, BOB, CAROL])


@st.composite
def _orders(draw: st.DrawFn, tick: int) -> OrderRequest:
    """Draw an order that the rules take: a limit order, or a market order as the SDK rounds it."""
    maker, side, token = draw(_MAKERS), draw(st.sampled_from(Side)), draw(st.sampled_from([YES, NO]))
    kind = draw(st.sampled_from([OrderType.GTC, OrderType.GTC, OrderType.FAK, OrderType.FOK]))
    price = tick * draw(st.integers(1, 10**6 // tick - 1))
    if kind.rests:
        shares = 10**4 * draw(st.integers(500, 20_000))
        collateral = shares * price // 10**6
        making, taking = (collateral, shares) if side is Side.BUY else (shares, collateral)
    else:
        step = int(10 ** (6 - BY_TICK[tick].amount))
        making = 10**4 * draw(st.integers(100, 20_000))
        exact = making * 10**6 // price if side is Side.BUY else making * price // 10**6
        taking = max(step, exact // step * step)
    return request(maker, side, token, making, taking, kind=kind)


@st.composite
def _sessions(draw: st.DrawFn) -> tuple[int, list[OrderRequest]]:
    tick = draw(st.sampled_from(list(BY_TICK)))
    return tick, draw(st.lists(_orders(tick), min_size=2, max_size=25))


def _played(
    session: tuple[int, list[OrderRequest]], fee_rate: str, version: Version = "v1"
) -> tuple[Scene, list[Trade]]:
    tick, orders = session
    scene = Scene(tick_size=to_text(tick), fee_rate=fee_rate, version=version)
    trades: list[Trade] = []
    for order in orders:
        try:
            trades.extend(scene.submit(order).trades)
        except Refusal:
            continue
    return scene, trades


@settings(max_examples=300, deadline=None)
@given(_sessions(), st.sampled_from(["0", "0.04", "0.07"]), st.sampled_from(["v1", "v2"]))
def test_the_contract_takes_every_trade_and_moves_what_the_server_books(
    session: tuple[int, list[OrderRequest]], fee_rate: str, version: Version
) -> None:
    scene, trades = _played(session, fee_rate, version)
    contract = ExchangeModel(version)
    for trade in trades:
        contract.settle(trade)
        scene.engine.aftermath.mine(trade)
    for purse, holding in scene.funds.known.items():
        assert holding.balance == PLENTY + contract.balances[purse.owner][purse.token_id]
    totals: Counter[int | None] = Counter()
    for balances in contract.balances.values():
        totals.update(balances)
    # A pair costs one unit of collateral when it is minted and yields one when it is merged.
    assert totals[YES] == totals[NO] == -totals[None]


@settings(max_examples=200, deadline=None)
@given(_sessions())
def test_a_taker_never_pays_beyond_its_limit_and_a_maker_loses_less_than_one_unit_a_fill(
    session: tuple[int, list[OrderRequest]],
) -> None:
    _, trades = _played(session, "0")
    for trade in trades:
        taker = trade.taker.request.order
        if taker.side is Side.BUY:
            assert trade.collateral * taker.shares <= trade.shares * taker.collateral
        else:
            assert trade.collateral * taker.shares >= trade.shares * taker.collateral
        for fill in trade.fills:
            assert min(fill.making, fill.taking, fill.shares, fill.collateral) > 0
            maker = fill.maker.request.order
            asked = fill.making * maker.taker_amount
            assert asked - maker.maker_amount < fill.taking * maker.maker_amount <= asked


@settings(max_examples=200, deadline=None)
@given(_sessions())
def test_the_book_never_crosses_and_holds_nothing_that_cannot_trade(
    session: tuple[int, list[OrderRequest]],
) -> None:
    scene, _ = _played(session, "0")
    bids, asks = scene.bids(), scene.asks()
    assert not bids or not asks or bids[0][0] < asks[0][0]
    for maker in (ALICE, BOB, CAROL):
        assert not any(is_spent(order) for order in scene.engine.live_orders(maker))


@settings(max_examples=200, deadline=None)
@given(_sessions(), st.data())
def test_claims_are_gone_when_all_is_settled_or_undone_and_cancelled(
    session: tuple[int, list[OrderRequest]], data: st.DataObject
) -> None:
    scene, trades = _played(session, "0.05")
    for trade in trades:
        if data.draw(st.booleans()):
            scene.engine.aftermath.mine(trade)
        else:
            scene.engine.aftermath.fail(trade)
    for maker in (ALICE, BOB, CAROL):
        for order in scene.engine.live_orders(maker):
            scene.engine.cancel(order)
    assert (scene.bids(), scene.asks()) == ([], [])
    assert not any(scene.funds.active.values())
    assert not any(scene.funds.matched.values())
    for order in scene.engine.orders.values():
        settled = [trade for trade in trades if trade.status != "FAILED"]
        as_taker = sum(trade.shares for trade in settled if trade.taker is order)
        as_maker = sum(fill.shares for trade in settled for fill in trade.fills if fill.maker is order)
        assert order.shares_matched == as_taker + as_maker
