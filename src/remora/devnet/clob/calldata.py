"""The calldata of `matchOrders`, put together from ABI words: the server makes one for every trade.

Each generation of the exchange has its own arguments (polymarket.md 1.5). `eth_abi` is the oracle in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

from remora.devnet.clob.orders import SignedOrder
from remora.devnet.clob.signing import order_words, word
from remora.devnet.clob.trades import Trade

_SELECTOR = bytes.fromhex("3c2b4399")
_SELECTOR_V3 = bytes.fromhex("0fb25ba4")
_WORD = 32
_HEAD_WORDS = 7
#: Eleven static fields, and the offset of the signature.
_ORDER_FIELDS = 12


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
    offsets = _offsets(tails, _WORD * _HEAD_WORDS)
    if trade.taker.listing.market.version == "v2":
        return b"".join((_SELECTOR_V3, *offsets, word(trade.making), word(trade.taking), word(trade.fee), *tails))
    taker_at, makers_at, fills_at, fees_at = offsets
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
    padding = bytes(-len(order.signature) % _WORD)
    signature = word(len(order.signature)) + order.signature + padding
    return order_words(order) + word(_WORD * _ORDER_FIELDS) + signature


def _orders(orders: Sequence[SignedOrder]) -> bytes:
    tails = [_order(order) for order in orders]
    return b"".join((word(len(orders)), *_offsets(tails, _WORD * len(orders)), *tails))


def _numbers(values: Sequence[int]) -> bytes:
    return b"".join((word(len(values)), *map(word, values)))


def _offsets(tails: Sequence[bytes], first: int) -> list[bytes]:
    offsets, at = [], first
    for tail in tails:
        offsets.append(word(at))
        at += len(tail)
    return offsets
