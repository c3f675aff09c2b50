"""The calldata of a match, against eth_abi."""

from __future__ import annotations

import dataclasses
from typing import Any

from eth_abi.abi import decode, encode
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.devnet.clob.book import PlacedOrder
from remora.devnet.clob.calldata import match_orders
from remora.devnet.clob.orders import Side, SignedOrder
from tests.unit.devnet.scene import ALICE, BOB, CAROL, NO, YES, Scene, limit
from tests.unit.devnet.settled import ARGUMENTS, ARGUMENTS_V3

#: A plain account's signature, and those of deposit wallets: by the owner, by a session key, the longest.
SIGNATURE_LENGTHS = (65, 317, 480, 1024)


def with_signatures(placed: PlacedOrder, length: int) -> None:
    order = dataclasses.replace(
        placed.request.order, signature=bytes(range(1, 33)) * (length // 32) + b"\x1b" * (length % 32)
    )
    placed.request = dataclasses.replace(placed.request, order=order)


@given(st.lists(st.sampled_from(SIGNATURE_LENGTHS), min_size=2, max_size=4))
def test_signatures_of_any_length_are_where_eth_abi_puts_them(lengths: list[int]) -> None:
    scene = Scene()
    for _ in lengths[1:]:
        scene.submit(limit(ALICE, Side.SELL, YES, "7.5", "0.5"))
    (trade,) = scene.submit(limit(BOB, Side.BUY, YES, "30", "0.5")).trades
    for placed, length in zip(trade.parties(), lengths, strict=True):
        with_signatures(placed, length)
    _, taker, makers, *_ = decode(ARGUMENTS, match_orders(trade)[4:])
    assert [order[11] for order in (taker, *makers)] == [party.request.order.signature for party in trade.parties()]
    assert match_orders(trade)[4:] == encode(ARGUMENTS, decode(ARGUMENTS, match_orders(trade)[4:]))


def v3_scene() -> Scene:
    return Scene(fee_rate="0.05", version="v2")


def test_a_trade_on_exchange_v3_says_what_the_taker_receives() -> None:
    scene = v3_scene()
    scene.submit(limit(ALICE, Side.SELL, YES, "10", "0.5"))
    scene.submit(limit(CAROL, Side.BUY, NO, "10", "0.4"))
    (trade,) = scene.submit(limit(BOB, Side.BUY, YES, "20", "0.6")).trades
    arguments = (
        as_tuple(trade.taker.request.order),
        [as_tuple(fill.maker.request.order) for fill in trade.fills],
        # Alice gives 10 shares, Carol 0.4 x 10
        [10_000_000, 4_000_000],
        [0, 0],
        # 10 x 0.5 + 10 x 0.6 for 20 shares; 0.05 x (10 x 0.5 x 0.5 + 10 x 0.6 x 0.4)
        (11_000_000, 20_000_000, 245_000),
    )
    assert match_orders(trade) == bytes.fromhex("0fb25ba4") + encode(ARGUMENTS_V3, arguments)


def test_a_sale_on_exchange_v3_receives_collateral() -> None:
    scene = v3_scene()
    scene.submit(limit(ALICE, Side.BUY, YES, "10", "0.5"))
    (trade,) = scene.submit(limit(BOB, Side.SELL, YES, "10", "0.5")).trades
    *_, amounts = decode(ARGUMENTS_V3, match_orders(trade)[4:])
    # 10 shares for 5, less 10 x 0.05 x 0.25
    assert amounts == (10_000_000, 5_000_000, 125_000)


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
