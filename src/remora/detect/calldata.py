"""From the calldata of `matchOrders` to the fills that it would make: a match is known before any block has it.

Orders stand whole in the calldata, so their hashes are those of the logs to come; amounts follow from what each maker
gives (polymarket.md 1.5, 2.4). The call may be wrapped in another one, such as a multicall. Anybody can write calldata:
whatever cannot be a match comes back as the reason why, in bounded time, and nothing raises. What decodes may still
revert. Words are sliced, not ABI-decoded: this runs for every pending transaction of the exchanges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Self

from remora.detect.decode import taker_amounts
from remora.domain.contracts import Generation
from remora.domain.errors import RemoraError
from remora.domain.ids import Address, OrderHash, TokenId, TxHash
from remora.domain.money import Collateral, Shares, mul_div_floor
from remora.domain.order_hash import ORDER_WORDS_BYTES, digest_of_words, exchange_domain
from remora.domain.signal import Fill, Role, Side

MAX_BYTES = 256 * 1024
"""Nodes pool transactions of at most 128 KiB."""

MAX_MAKERS = 128
"""More than the gas of a transaction pays for."""

MAX_WRAPPED = 32
"""Places in one transaction's calldata that are tried as a wrapped match."""

_WORD = 32
_SELECTOR = 4
_ADDRESS_PADDING = bytes(12)
_ORDER_HEAD = ORDER_WORDS_BYTES + _WORD
_LARGEST_SIGNATURE_TYPE = 3


class NotAMatch(StrEnum):
    """Why calldata makes no fills. The values are shown."""

    NO_CALL = "no match is called"
    UNKNOWN_EXCHANGE = "match on an unknown exchange"
    TOO_LONG = "calldata too long"
    TRUNCATED = "truncated calldata"
    OVERLAPPING = "overlapping calldata"
    TOO_MANY_MAKERS = "too many makers"
    MALFORMED_ORDER = "malformed order"
    NO_MAKERS = "no makers"
    UNEQUAL_ARRAYS = "unequal arrays"
    ZERO_AMOUNT = "order of amount zero"
    OTHER_TOKENS = "orders of other tokens"


SENTENCES: Mapping[NotAMatch, str] = {
    NotAMatch.NO_CALL: "the calldata calls no matchOrders, neither itself nor wrapped in another call",
    NotAMatch.UNKNOWN_EXCHANGE: "it is not told which known exchange of this call's generation is called",
    NotAMatch.TOO_LONG: "no node would pool a transaction of this size",
    NotAMatch.TRUNCATED: "an offset or a length points behind the end of the calldata",
    NotAMatch.OVERLAPPING: "parts of the calldata overlap, which no encoder does",
    NotAMatch.TOO_MANY_MAKERS: "no transaction has the gas for so many makers",
    NotAMatch.MALFORMED_ORDER: "a side, a signature type or an address of an order is none",
    NotAMatch.NO_MAKERS: "a taker without makers is refused by the exchange",
    NotAMatch.UNEQUAL_ARRAYS: "makers, their amounts and their fees differ in number",
    NotAMatch.ZERO_AMOUNT: "an order that gives nothing is refused by the exchange",
    NotAMatch.OTHER_TOKENS: "opposite sides must trade one token, equal sides two",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanges:
    """The exchanges whose matches are read, with the domain separator that the hashes of their orders need."""

    domains: Mapping[tuple[Generation, Address], bytes]

    @classmethod
    def of(cls, chain_id: int, generations: Iterable[tuple[Address, Generation]]) -> Self:
        """Return the exchanges of a chain; one whose generation is not known may be given with each."""
        return cls(
            domains={
                (generation, exchange): exchange_domain(chain_id, exchange, generation)
                for exchange, generation in generations
            }
        )

    def has(self, account: Address | None) -> bool:
        """Tell whether an account is one of the exchanges."""
        return any(exchange == account for _, exchange in self.domains)

    def named_last(self, data: bytes, generation: Generation) -> Address | None:
        """Return the exchange of a generation whose address is the last that stands in the data."""
        places = {
            data.rfind(bytes.fromhex(exchange[2:])): exchange for known, exchange in self.domains if known is generation
        }
        last = max(places, default=-1)
        return None if last < 0 else places[last]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Which word of a call's head holds what; only a call that prepares a condition has `legs`."""

    generation: Generation
    words: int
    taker: int
    makers: int
    fills: int
    fees: int
    taker_fee: int
    legs: int | None = None


_LAYOUTS: Mapping[bytes, _Layout] = {
    bytes.fromhex("3c2b4399"): _Layout(
        generation=Generation.V2, words=7, taker=1, makers=2, fills=4, taker_fee=5, fees=6
    ),
    bytes.fromhex("0fb25ba4"): _Layout(
        generation=Generation.V3, words=7, taker=0, makers=1, fills=2, fees=3, taker_fee=6
    ),
    bytes.fromhex("e75cf6e5"): _Layout(
        generation=Generation.V3, words=8, taker=0, makers=1, fills=2, fees=3, taker_fee=6, legs=7
    ),
}
"""By selector: V2 `matchOrders`, V3 `matchOrders` and `matchOrdersAndPrepareCombinatorial`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """An order as it stands in calldata. `making` is what it gives at most, `taking` what it wants for all of that."""

    order_hash: OrderHash
    wallet: Address
    side: Side
    token_id: TokenId
    making: int
    taking: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a match stands: on which exchange, under which domain separator, in which transaction."""

    exchange: Address
    domain: bytes
    tx_hash: TxHash | None


class _Unreadable(RemoraError):
    """The arguments are no match's."""

    def __init__(self, why: NotAMatch) -> None:
        super().__init__(why)
        self.why = why


def decode_calldata(
    data: bytes, to: Address | None, exchanges: Exchanges, *, tx_hash: TxHash | None = None
) -> tuple[Fill, ...] | NotAMatch:
    """Return the fills that a transaction to `to` would make, per match the makers' first and the taker's last.

    They are what `exact_fills` finds in the receipt if the transaction succeeds, without places in a block. A wrapped
    call goes to the known exchange that is named last before it; an exchange wraps nothing itself.
    """
    if len(data) > MAX_BYTES:
        return NotAMatch.TOO_LONG
    layout = _LAYOUTS.get(data[:_SELECTOR])
    if layout is None:
        return NotAMatch.NO_CALL if exchanges.has(to) else _wrapped(data, exchanges, tx_hash)
    place = _place(layout, to, exchanges, tx_hash)
    return _match(data[_SELECTOR:], layout, place) if place else NotAMatch.UNKNOWN_EXCHANGE


def _wrapped(data: bytes, exchanges: Exchanges, tx_hash: TxHash | None) -> tuple[Fill, ...] | NotAMatch:
    """Find matches inside of other calls; the first failure tells why there is none."""
    fills: list[Fill] = []
    failures: list[NotAMatch] = []
    searched = 0
    for at, end in _candidates(data):
        # What stands inside of a match, such as a trader's signature, is none of its own.
        if at < searched:
            continue
        layout = _LAYOUTS[data[at : at + _SELECTOR]]
        exchange = exchanges.named_last(data[searched:at], layout.generation)
        place = _place(layout, exchange, exchanges, tx_hash)
        found = _match(data[at + _SELECTOR : end], layout, place) if place else NotAMatch.UNKNOWN_EXCHANGE
        if isinstance(found, NotAMatch):
            failures.append(found)
        else:
            fills += found
        searched = end
    return tuple(fills) or next(iter(failures), NotAMatch.NO_CALL)


def _place(layout: _Layout, exchange: Address | None, exchanges: Exchanges, tx_hash: TxHash | None) -> _Place | None:
    if exchange is None or (domain := exchanges.domains.get((layout.generation, exchange))) is None:
        return None
    return _Place(exchange=exchange, domain=domain, tx_hash=tx_hash)


def _candidates(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where calldata inside of calldata may begin and end: a selector behind the length of what it begins."""
    starts = sorted(at for selector in _LAYOUTS for at in _places(data, selector))
    for at in starts[:MAX_WRAPPED]:
        yield at, at + int.from_bytes(data[at - _WORD : at])


def _places(data: bytes, selector: bytes) -> Iterator[int]:
    at = data.find(selector, _WORD)
    while at >= 0:
        if _SELECTOR < int.from_bytes(data[at - _WORD : at]) <= len(data) - at:
            yield at
        at = data.find(selector, at + 1)


def _match(arguments: bytes, layout: _Layout, place: _Place) -> tuple[Fill, ...] | NotAMatch:
    """Return the fills of one call."""
    reader = _Reader(arguments)
    try:
        head = reader.head(layout.words)
        taker = reader.order(head[layout.taker], place.domain)
        makers = reader.orders(head[layout.makers], place.domain)
        amounts, fees = reader.numbers(head[layout.fills]), reader.numbers(head[layout.fees])
        if layout.legs is not None:
            reader.numbers(head[layout.legs])
        reader.expect_no_overlap()
        _expect_match(taker, makers, amounts, fees)
    except _Unreadable as error:
        return error.why
    return _fills(taker, makers, amounts, [*fees, head[layout.taker_fee]], place)


def _expect_match(taker: _Order, makers: Sequence[_Order], amounts: Sequence[int], fees: Sequence[int]) -> None:
    """Refuse what the exchange refuses for its form (polymarket.md 1.6)."""
    if not makers:
        raise _Unreadable(NotAMatch.NO_MAKERS)
    if not len(makers) == len(amounts) == len(fees):
        raise _Unreadable(NotAMatch.UNEQUAL_ARRAYS)
    for maker in makers:
        if (maker.side is taker.side) == (maker.token_id == taker.token_id):
            raise _Unreadable(NotAMatch.OTHER_TOKENS)


def _fills(
    taker: _Order, makers: Sequence[_Order], amounts: Sequence[int], fees: Sequence[int], place: _Place
) -> tuple[Fill, ...]:
    """Return the makers' fills and then the taker's; `fees` end with the taker's."""
    fills = [
        _fill(maker, _traded(maker, making), fee, place, counterparty=taker.wallet)
        for maker, making, fee in zip(makers, amounts, fees[:-1], strict=True)
    ]
    traded = taker_amounts(taker.side, fills)
    return (*fills, _fill(taker, traded, fees[-1], place, counterparty=place.exchange))


def _traded(order: _Order, making: int) -> tuple[Shares, Collateral]:
    """Return shares and collateral of an order that gives so much; what it gets is rounded down."""
    taking = mul_div_floor(making, order.taking, order.making)
    return (Shares(taking), Collateral(making)) if order.side is Side.BUY else (Shares(making), Collateral(taking))


def _fill(order: _Order, traded: tuple[Shares, Collateral], fee: int, place: _Place, *, counterparty: Address) -> Fill:
    shares, collateral = traded
    return Fill(
        wallet=order.wallet,
        counterparty=counterparty,
        role=Role.TAKER if counterparty == place.exchange else Role.MAKER,
        side=order.side,
        token_id=order.token_id,
        shares=shares,
        collateral=collateral,
        fee=Collateral(fee),
        order_hash=order.order_hash,
        exchange=place.exchange,
        tx_hash=place.tx_hash,
        block_number=None,
        log_index=None,
    )


class _Reader:
    """The arguments of one call. Reading behind their end, or the same bytes as two things, is no match."""

    def __init__(self, arguments: bytes) -> None:
        self._data = arguments
        self._taken: list[tuple[int, int]] = []

    def head(self, words: int) -> list[int]:
        """Read the fixed part."""
        return self._words(0, words)

    def numbers(self, at: int) -> list[int]:
        """Read an array of numbers."""
        return self._words(at + _WORD, self._length(at))

    def orders(self, at: int, domain: bytes) -> list[_Order]:
        """Read an array of orders: their offsets count from behind the array's length."""
        first = at + _WORD
        return [self.order(first + offset, domain) for offset in self._words(first, self._length(at))]

    def order(self, at: int, domain: bytes) -> _Order:
        """Read an order. Its signature is stepped over: only the exchange can tell what it is worth."""
        words = self._take(at, _ORDER_HEAD)
        signature = at + int.from_bytes(words[352:])
        self._take(signature + _WORD, int.from_bytes(self._take(signature, _WORD)))
        side = int.from_bytes(words[192:224])
        signed_by_type = int.from_bytes(words[224:256]) <= _LARGEST_SIGNATURE_TYPE
        if side > 1 or not signed_by_type or not words[32:44] == words[64:76] == _ADDRESS_PADDING:
            raise _Unreadable(NotAMatch.MALFORMED_ORDER)
        making = int.from_bytes(words[128:160])
        if making == 0:
            raise _Unreadable(NotAMatch.ZERO_AMOUNT)
        return _Order(
            order_hash=OrderHash("0x" + digest_of_words(domain, words[:ORDER_WORDS_BYTES]).hex()),
            wallet=Address("0x" + words[44:64].hex()),
            side=Side.SELL if side else Side.BUY,
            token_id=TokenId(int.from_bytes(words[96:128])),
            making=making,
            taking=int.from_bytes(words[160:192]),
        )

    def expect_no_overlap(self) -> None:
        """Refuse bytes that were read as two things: they would let a short call stand for a long one."""
        for (_, end), (start, _) in pairwise(sorted(self._taken)):
            if start < end:
                raise _Unreadable(NotAMatch.OVERLAPPING)

    def _length(self, at: int) -> int:
        length = int.from_bytes(self._take(at, _WORD))
        if length > MAX_MAKERS:
            raise _Unreadable(NotAMatch.TOO_MANY_MAKERS)
        return length

    def _words(self, at: int, count: int) -> list[int]:
        taken = self._take(at, count * _WORD)
        return [int.from_bytes(taken[word : word + _WORD]) for word in range(0, len(taken), _WORD)]

    def _take(self, at: int, size: int) -> bytes:
        end = at + size
        if end > len(self._data):
            raise _Unreadable(NotAMatch.TRUNCATED)
        self._taken.append((at, end))
        return self._data[at:end]
