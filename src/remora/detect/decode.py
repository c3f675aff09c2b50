"""From exchange logs to fills: what each order really bought or sold.

An exchange emits `OrderFilled` for every order of a match, the makers' first and the taker's last. Topic 2 is always
the owner of the order that filled; topic 3 is the exchange itself for the taker's order and the taker's wallet for a
maker's. In a match that mints or merges shares the taker's logged amounts are only upper bounds (a refund follows
outside the log), so they are derived from the makers' (polymarket.md 2.1, 2.4). Words are sliced, not ABI-decoded: this
runs for every log heard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

from remora.domain.chain import Log
from remora.domain.contracts import ORDER_FILLED, ORDER_FILLED_V1
from remora.domain.ids import Address, OrderHash, TokenId, TxHash
from remora.domain.money import Collateral, Shares
from remora.domain.signal import Fill, Role, Side

_WORD = 32
_WORDS_V2 = 7
_WORDS_V1 = 5
_WORDS_AMOUNTS = 5
_TOPICS = 4
_ADDRESS_PADDING = "0x" + 24 * "0"

_Amounts: TypeAlias = tuple[Side, int, int, int, int]
"""Side, token id, making, taking and fee: what an order gave and got, in base units."""


def decode_fill(log: Log, exchanges: Collection[Address]) -> Fill | None:
    """Return the fill that one log reports, in the logged amounts; None when it reports none that can be believed.

    None: another address than the exchanges, another event, or malformed topics or data; nothing raises. `removed` is
    not looked at, so that the signal of a removed log can be found: the caller does. The fee is in collateral, but for
    a V1 BUY, where the word counts shares of the token bought (10^-6 as well): V1 charged what the order received.
    """
    if log.address not in exchanges or len(log.topics) != _TOPICS:
        return None
    if log.topics[0] == ORDER_FILLED:
        amounts = _amounts(log.data)
    elif log.topics[0] == ORDER_FILLED_V1:
        amounts = _amounts_v1(log.data)
    else:
        return None
    wallet, counterparty = topic_address(log.topics[2]), topic_address(log.topics[3])
    if amounts is None or wallet is None or counterparty is None:
        return None
    side, token_id, making, taking, fee = amounts
    collateral, shares = (making, taking) if side is Side.BUY else (taking, making)
    return Fill(
        wallet=wallet,
        counterparty=counterparty,
        role=Role.TAKER if counterparty == log.address else Role.MAKER,
        side=side,
        token_id=TokenId(token_id),
        shares=Shares(shares),
        collateral=Collateral(collateral),
        fee=Collateral(fee),
        order_hash=OrderHash(log.topics[1]),
        exchange=log.address,
        tx_hash=log.tx_hash,
        block_number=log.block_number,
        log_index=log.log_index,
    )


def exact_fills(logs: Sequence[Log], exchanges: Collection[Address], *, complete: bool) -> list[Fill]:
    """Return what every order in the logs really bought or sold, in the order of the logs.

    `logs` are of one or many transactions, each transaction's in chain order. `complete` says that they hold whole
    receipts; if not, the amounts of a taker whose makers are not provably all there stay as logged, upper bounds in
    the worst case. Removed logs and repetitions of a log make no fill.
    """
    return [fill for fill in exact_fills_by_log(logs, exchanges, complete=complete) if fill is not None]


def exact_fills_by_log(logs: Sequence[Log], exchanges: Collection[Address], *, complete: bool) -> list[Fill | None]:
    """Return the exact fill of each log, None beside a log that makes none; otherwise as `exact_fills`."""
    repeated = repetitions(logs)
    makers: defaultdict[tuple[TxHash | None, Address], list[Fill]] = defaultdict(list)
    fills: list[Fill | None] = []
    for position, log in enumerate(logs):
        fill = None if log.removed or position in repeated else decode_fill(log, exchanges)
        if fill is not None and fill.role is Role.MAKER:
            makers[fill.tx_hash, fill.exchange].append(fill)
        elif fill is not None:
            fill = _exact_taker(fill, makers.pop((fill.tx_hash, fill.exchange), []), complete=complete)
        fills.append(fill)
    return fills


def repetitions(logs: Sequence[Log]) -> frozenset[int]:
    """Return the positions of logs that were there before: one transaction and log index is one log.

    A removed log does not count: the same one may come back in another block.
    """
    seen: set[tuple[TxHash, int]] = set()
    repeated: set[int] = set()
    for position, log in enumerate(logs):
        if log.tx_hash is None or log.log_index is None or log.removed:
            continue
        identity = (log.tx_hash, log.log_index)
        if identity in seen:
            repeated.add(position)
        seen.add(identity)
    return frozenset(repeated)


def sum_by_order(fills: Iterable[Fill]) -> list[Fill]:
    """Return one fill per order, transaction and exchange, with amounts summed, in the order of first appearance.

    The sum bears the lowest log index, and the role and counterparty of the order's first fill.
    """
    sums: dict[tuple[TxHash | None, Address, OrderHash], Fill] = {}
    for fill in fills:
        key = (fill.tx_hash, fill.exchange, fill.order_hash)
        sums[key] = _sum(sums[key], fill) if key in sums else fill
    return list(sums.values())


def taker_amounts(side: Side, makers: Iterable[Fill]) -> tuple[Shares, Collateral]:
    """Return what the taker of a match traded, which is what its makers' fills add up to (polymarket.md 2.4)."""
    shares = collateral = 0
    for maker in makers:
        shares += maker.shares.units
        collateral += _taker_collateral(side, maker)
    return Shares(shares), Collateral(collateral)


def topic_address(topic: str) -> Address | None:
    """Return the address that an indexed topic holds, None when its upper 12 bytes are not zero."""
    return Address("0x" + topic[26:]) if topic.startswith(_ADDRESS_PADDING) else None


def words(data: bytes) -> list[int]:
    """Return the 32-byte words of event data as integers; what follows the last whole word is left out."""
    return [int.from_bytes(data[at : at + _WORD], "big") for at in range(0, len(data) - _WORD + 1, _WORD)]


def _amounts(data: bytes) -> _Amounts | None:
    """Read the amounts of a V2 or V3 fill; the words of builder and metadata are not needed."""
    if len(data) != _WORDS_V2 * _WORD:
        return None
    side, token_id, making, taking, fee = words(data[: _WORDS_AMOUNTS * _WORD])
    if side > 1:
        return None
    return Side.SELL if side else Side.BUY, token_id, making, taking, fee


def _amounts_v1(data: bytes) -> _Amounts | None:
    """Read the same of a V1 fill, where asset 0 is the collateral: who gives it buys."""
    if len(data) != _WORDS_V1 * _WORD:
        return None
    maker_asset, taker_asset, making, taking, fee = words(data)
    if (maker_asset == 0) == (taker_asset == 0):
        return None
    return Side.SELL if maker_asset else Side.BUY, maker_asset or taker_asset, making, taking, fee


def _exact_taker(taker: Fill, makers: Sequence[Fill], *, complete: bool) -> Fill:
    """Return the taker's fill with the amounts that its makers' fills add up to.

    Of a BUY the logged shares are exact, of a SELL the logged collateral: where the sum agrees with that, no maker's
    log is missing.
    """
    own = [maker for maker in makers if maker.counterparty == taker.wallet]
    shares, collateral = taker_amounts(taker.side, own)
    if shares == taker.shares and collateral == taker.collateral:
        return taker
    proven = shares == taker.shares if taker.side is Side.BUY else collateral == taker.collateral
    return taker._replace(shares=shares, collateral=collateral) if own and (complete or proven) else taker


def _taker_collateral(side: Side, maker: Fill) -> int:
    """Return the base units of collateral that a taker on this side pays or gets for what one maker fills.

    Opposite sides pay each other. Equal sides hold the two outcomes of one collateral: the exchange splits it for two
    buyers, or merges it for two sellers, and the taker's part is what the maker's leaves of it.
    """
    if maker.side is not side:
        return maker.collateral.units
    return maker.shares.units - maker.collateral.units


def _sum(first: Fill, other: Fill) -> Fill:
    indexes = [index for index in (first.log_index, other.log_index) if index is not None]
    return first._replace(
        shares=first.shares + other.shares,
        collateral=first.collateral + other.collateral,
        fee=first.fee + other.fee,
        log_index=min(indexes, default=None),
    )
