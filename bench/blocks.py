"""Blocks as a busy venue fills them: whole receipts of matches, as a node serves them, with leaders among the traders.

Every match is one transaction of the standard exchange, shaped like those on Polygon (polymarket.md 2.2): a taker,
three makers on the opposite side, and for each maker the shares that moved, the payment and the fill; then the taker's
fill, the summary and the fee. One of its traders is a leader, in turn the taker and a maker, and buys; nobody else is
one.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from remora.domain import contracts
from remora.domain.ids import Address, OrderHash, TokenId

MAKERS = 3
LOGS_PER_MATCH = 3 * MAKERS + 3
TOKENS = tuple(TokenId(int(hashlib.sha256(b"token %d" % number).hexdigest(), 16)) for number in range(50))
BUY, SELL = 0, 1
SHARES_UNITS, COLLATERAL_UNITS = 20_000_000, 10_000_000
"""Of the smallest maker's fill: 20 shares at 0.50."""

_SIZES = 9
"""Matches that follow each other are of so many sizes: one to nine times the smallest."""

_FEE_UNITS = 50_000

Json = dict[str, Any]

Traded: TypeAlias = tuple[int, int]
"""Shares and collateral of an order's fill, in base units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedBlock:
    """A block's header and receipts as JSON-RPC objects, and what leaders' orders traded in it."""

    header: Json
    receipts: Sequence[Json]
    traded: Mapping[OrderHash, Traded]

    @property
    def logs(self) -> list[Json]:
        """All logs, in chain order."""
        return [log for receipt in self.receipts for log in receipt["logs"]]


def wallets(kind: str, count: int) -> list[Address]:
    """Return so many addresses, always the same of a kind."""
    return [Address("0x" + _digest(f"{kind} {number}")[:40]) for number in range(count)]


def mined(number: int, *, least_logs: int, timestamp_s: int, leaders: Iterator[Address]) -> MinedBlock:
    """Return a block with as many matches as it takes to have so many logs; each takes the next leader."""
    block_hash = block_hash_of(number)
    matches = -(-least_logs // LOGS_PER_MATCH)
    made = [_match(number, block_hash, index, next(leaders)) for index in range(matches)]
    header = {
        "number": hex(number),
        "hash": block_hash,
        "parentHash": block_hash_of(number - 1),
        "timestamp": hex(timestamp_s),
    }
    traded = {order: amounts for _, order, amounts in made}
    return MinedBlock(header=header, receipts=[receipt for receipt, _, _ in made], traded=traded)


def block_hash_of(number: int) -> str:
    """Return the hash of a block of this chain."""
    return "0x" + _digest(f"block {number}")


def _match(number: int, block_hash: str, index: int, leader: Address) -> tuple[Json, OrderHash, Traded]:
    """Return the receipt of a match, the leader's order in it, and what that traded."""
    name = f"{number} {index}"
    takes = index % 2 == 0
    strangers = wallets(f"stranger {name}", MAKERS + 1)
    taker, makers = (leader, strangers[1:]) if takes else (strangers[0], [leader, *strangers[2:]])
    token = TOKENS[(number + index) % len(TOKENS)]
    orders = [OrderHash("0x" + _digest(f"order {name} {part}")) for part in range(MAKERS + 1)]
    place = {
        "blockNumber": hex(number),
        "blockHash": block_hash,
        "transactionHash": "0x" + _digest(f"transaction {name}"),
        "transactionIndex": hex(index),
        "removed": False,
    }
    size = 1 + index % _SIZES
    events = _events(taker, makers, orders, token, size, taker_buys=takes)
    indexes = itertools.count(index * LOGS_PER_MATCH)
    receipt = {
        **{key: place[key] for key in ("blockNumber", "blockHash", "transactionHash", "transactionIndex")},
        "status": "0x1",
        "gasUsed": "0x41348",
        "logs": [{**event, **place, "logIndex": hex(next(indexes))} for event in events],
    }
    parts = MAKERS * size if takes else size
    return receipt, orders[-1] if takes else orders[0], (parts * SHARES_UNITS, parts * COLLATERAL_UNITS)


def _events(
    taker: Address,
    makers: Sequence[Address],
    orders: Sequence[OrderHash],
    token: TokenId,
    size: int,
    *,
    taker_buys: bool,
) -> Iterator[Json]:
    exchange = contracts.STANDARD_EXCHANGE
    for maker, order in zip(makers, orders, strict=False):
        seller, buyer = (maker, taker) if taker_buys else (taker, maker)
        moved = [contracts.TRANSFER_SINGLE, *map(_padded, (exchange, seller, buyer))]
        yield _log(contracts.CONDITIONAL_TOKENS, moved, [token, size * SHARES_UNITS])
        yield _log(
            contracts.COLLATERAL, [contracts.TRANSFER, _padded(buyer), _padded(seller)], [size * COLLATERAL_UNITS]
        )
        yield _filled(order, maker, taker, token, size, side=SELL if taker_buys else BUY)
    yield _filled(orders[-1], taker, exchange, token, MAKERS * size, side=BUY if taker_buys else SELL)
    summary = [contracts.ORDERS_MATCHED, orders[-1], _padded(taker)]
    yield _log(exchange, summary, [0, token, MAKERS * size * COLLATERAL_UNITS, MAKERS * size * SHARES_UNITS])
    fee = [contracts.TRANSFER, _padded(taker), _padded(exchange)]
    yield _log(contracts.COLLATERAL, fee, [_FEE_UNITS])


def _filled(order: OrderHash, owner: Address, other: Address, token: TokenId, parts: int, *, side: int) -> Json:
    collateral, shares = parts * COLLATERAL_UNITS, parts * SHARES_UNITS
    making, taking = (collateral, shares) if side == BUY else (shares, collateral)
    topics = [contracts.ORDER_FILLED, order, _padded(owner), _padded(other)]
    return _log(contracts.STANDARD_EXCHANGE, topics, [side, token, making, taking, 0, 0, 0])


def _log(address: Address, topics: Sequence[str], words: Sequence[int]) -> Json:
    return {"address": address, "topics": list(topics), "data": "0x" + "".join(f"{word:064x}" for word in words)}


def _padded(wallet: Address) -> str:
    return f"0x{wallet[2:]:0>64}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
