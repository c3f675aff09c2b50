from __future__ import annotations

from typing import Any

from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.devnet.clob.calldata import match_orders
from remora.devnet.clob.orders import Side, SignedOrder
from tests.unit.devnet.scene import ALICE, BOB, CAROL, NO, YES, Scene, limit
from tests.unit.devnet.settled import ARGUMENTS


def as_tuple(order: SignedOrder) -> tuple[Any, ...]:
    return (
        order.salt,
        order.maker,
        order.signer,
        order.token_id,
        order.maker_amount,
        order.taker_amount,
        0 if order.side is Side.BUY else 1,
        order.signature_type,
        order.timestamp_ms,
        order.metadata,
        order.builder,
        order.signature,
    )


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from([(ALICE, Side.SELL, YES), (CAROL, Side.BUY, NO)]), min_size=1, max_size=10))
def test_the_calldata_is_what_eth_abi_makes_of_the_trade(makers: list[tuple[str, Side, int]]) -> None:
    scene = Scene(fee_rate="0.05")
    for maker, side, token in makers:
        scene.submit(limit(maker, side, token, "7.5", "0.5"))
    (trade,) = scene.submit(limit(BOB, Side.BUY, YES, "75", "0.5")).trades
    arguments = (
        bytes.fromhex(scene.listing.market.condition_id[2:]),
        as_tuple(trade.taker.request.order),
        [as_tuple(fill.maker.request.order) for fill in trade.fills],
        # 7.5 x 0.5 from each maker
        3_750_000 * len(makers),
        [fill.making for fill in trade.fills],
        # 7.5 x 0.05 x 0.25 each
        93_750 * len(makers),
        [0] * len(makers),
    )
    assert match_orders(trade) == bytes.fromhex("3c2b4399") + encode(ARGUMENTS, arguments)
