"""The calldata of `matchOrders`, put together from ABI words: the server makes one for every trade.

Signatures are 65 bytes long, so an order is a tuple of fixed size; `eth_abi` is the oracle in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

from remora.devnet.clob.orders import SignedOrder
from remora.devnet.clob.signing import order_words, word
from remora.devnet.clob.trades import Trade

_SELECTOR = bytes.fromhex("3c2b4399")
_WORD = 32
_HEAD_WORDS = 7
_SIGNATURE_BYTES = 65
#: Eleven static fields, the offset of the signature, its length, and its bytes in whole words.
_ORDER_FIELDS = 12
_ORDER_BYTES = _WORD * (_ORDER_FIELDS + 1 + 3)


def match_orders(trade: Trade) -> bytes:
    """Return the calldata that makes the exchange move exactly what the trade says.

    The taker gives no more than was matched, so that nothing is refunded; makers pay no fee.
    """
    makers = [fill.maker.request.order for fill in trade.fills]
    tails = (
        _order(trade.taker.request.order),
        _orders(makers),
        _numbers([fill.making for fill in trade.fills]),
        _numbers([0 for _ in makers]),
    )
    taker_at, makers_at, fills_at, fees_at = _offsets(tails, _WORD * _HEAD_WORDS)
    head = (
        bytes.fromhex(trade.taker.listing.market.condition_id[2:]),
        taker_at,
        makers_at,
        word(trade.making),
        fills_at,
        word(trade.fee),
        fees_at,
    )
    return b"".join((_SELECTOR, *head, *tails))


def _order(order: SignedOrder) -> bytes:
    signature = order.signature.ljust(_WORD * 3, b"\0")
    return order_words(order) + word(_WORD * _ORDER_FIELDS) + word(_SIGNATURE_BYTES) + signature


def _orders(orders: Sequence[SignedOrder]) -> bytes:
    first = _WORD * len(orders)
    offsets = (word(first + _ORDER_BYTES * index) for index in range(len(orders)))
    return b"".join((word(len(orders)), *offsets, *map(_order, orders)))


def _numbers(values: Sequence[int]) -> bytes:
    return b"".join((word(len(values)), *map(word, values)))


def _offsets(tails: Sequence[bytes], first: int) -> list[bytes]:
    offsets, at = [], first
    for tail in tails:
        offsets.append(word(at))
        at += len(tail)
    return offsets
