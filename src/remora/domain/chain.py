"""What a node tells us: logs, receipts and blocks, decoded from JSON-RPC but not yet understood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from remora.domain.errors import Malformed
from remora.domain.ids import Address, TxHash, address, word, words
from remora.domain.money import Wei

_Mined: TypeAlias = tuple[int | None, str | None, TxHash | None]
"""The number and hash of a block, and a transaction in it."""


class LogPlace(NamedTuple):
    """Where an event log is, and whether a reorganisation took it from there: all that is to be known before reading.

    Fields that a source may leave out are None.
    """

    block_number: int | None
    block_hash: str | None
    tx_hash: TxHash | None
    log_index: int | None
    removed: bool = False


class BlockId(NamedTuple):
    """One block; its hash tells it from others that were at its number, or are since a reorganisation."""

    number: int
    hash: str


class Log(NamedTuple):
    """One event log. Fields that a source may leave out (a bare log from a test vector) are None.

    A tuple and no frozen dataclass: that takes four times as long to make, and a block has thousands of them.
    """

    address: Address
    topics: tuple[str, ...]
    data: bytes
    block_number: int | None = None
    block_hash: str | None = None
    tx_hash: TxHash | None = None
    log_index: int | None = None
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A mined transaction: whether it succeeded, and all its logs in order. What a source may leave out is None.

    `gas_price` is what was paid per gas, in wei.
    """

    tx_hash: TxHash
    block_number: int
    succeeded: bool
    gas_used: int
    logs: tuple[Log, ...]
    block_hash: str | None = None
    tx_index: int | None = None
    gas_price: int | None = None

    @property
    def block(self) -> BlockId | None:
        """The block that has it, where the source names it."""
        return BlockId(self.block_number, self.block_hash) if self.block_hash else None

    @property
    def cost(self) -> Wei:
        """What the sender paid for its gas."""
        return Wei(self.gas_used * (self.gas_price or 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingTransaction:
    """A transaction that no block has yet; `to` is None when it makes a contract."""

    tx_hash: TxHash
    sender: Address
    nonce: int
    to: Address | None
    calldata: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A new block's header, as far as it is needed. `timestamp_s` is the chain's clock."""

    number: int
    hash: str
    parent_hash: str
    timestamp_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A place in a stream before which something may have been missed: subscriptions stand only from here on."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """An eth_getLogs / eth_subscribe filter: any of `addresses`; per topic position any of the words, None for all."""

    addresses: tuple[Address, ...]
    topics: tuple[tuple[str, ...] | None, ...]


def parse_place(raw: Any) -> LogPlace:
    """Read where one JSON-RPC log object is; Malformed names the field that is missing or wrong."""
    said = _log_object(raw)
    return LogPlace(*_mined(said), _index(said), said.get("removed") is True)


def parse_log(raw: Any) -> Log:
    """Read one JSON-RPC log object; Malformed names the field that is missing or wrong."""
    return _log(_log_object(raw), _mined(raw))


def _log_object(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise Malformed(f"expected a log object, found {type(raw).__name__}")
    return raw


def _log(raw: dict[str, Any], mined: _Mined) -> Log:
    topics = raw.get("topics")
    if not isinstance(topics, list):
        raise Malformed(f"expected the log's topics to be a list, found {type(topics).__name__}")
    removed = raw.get("removed") is True
    return Log(address(raw.get("address", "")), words(topics), _bytes(raw.get("data")), *mined, _index(raw), removed)


def _index(raw: dict[str, Any]) -> int | None:
    said = raw.get("logIndex")
    return None if said is None else _named_quantity("logIndex", said)


def parse_receipt(raw: Any) -> Receipt:
    """Read one JSON-RPC receipt; Malformed names the field that is missing or wrong."""
    if not isinstance(raw, dict) or not isinstance(raw.get("logs"), list):
        raise Malformed("expected a receipt object with a list of logs")
    return Receipt(
        tx_hash=TxHash(word(raw.get("transactionHash", ""))),
        block_number=_named_quantity("blockNumber", raw.get("blockNumber")),
        succeeded=_named_quantity("status", raw.get("status", "0x1")) == 1,
        gas_used=_named_quantity("gasUsed", raw.get("gasUsed", "0x0")),
        logs=tuple(_logs_of(raw)),
        block_hash=word(raw["blockHash"]) if raw.get("blockHash") else None,
        tx_index=_optional_quantity("transactionIndex", raw.get("transactionIndex")),
        gas_price=_optional_quantity("effectiveGasPrice", raw.get("effectiveGasPrice")),
    )


def _logs_of(receipt: dict[str, Any]) -> Iterator[Log]:
    """Read a receipt's logs: nearly always they repeat its own words for where it is."""
    said, mined = _said_of(receipt), _mined(receipt)
    for each in receipt["logs"]:
        log = _log_object(each)
        yield _log(log, mined if _said_of(log) == said else _mined(log))


def parse_pending(raw: Any) -> PendingTransaction:
    """Read one JSON-RPC transaction object; Malformed names the field that is missing or wrong."""
    if not isinstance(raw, dict):
        raise Malformed(f"expected a transaction object, found {type(raw).__name__}")
    return PendingTransaction(
        tx_hash=TxHash(word(raw.get("hash", ""))),
        sender=address(raw.get("from", "")),
        nonce=_named_quantity("nonce", raw.get("nonce")),
        to=address(raw["to"]) if raw.get("to") else None,
        calldata=_bytes(raw.get("input")),
    )


def quantity(raw: Any) -> int:
    """Read a JSON-RPC quantity such as "0x10", or a plain non-negative integer; Malformed otherwise."""
    try:
        if isinstance(raw, str) and raw.startswith("0x"):
            return int(raw, 16)
    except ValueError:
        pass
    if isinstance(raw, int) and not isinstance(raw, bool) and raw >= 0:
        return raw
    raise Malformed(f"expected a hex quantity, found {raw!r}")


def _mined(raw: dict[str, Any]) -> _Mined:
    """Read in which block and transaction a log is."""
    try:
        return _known(*_said_of(raw))
    except TypeError:  # a list or an object cannot be looked up in a cache
        raise Malformed(f"expected the log's block and transaction to be hex, found {raw!r:.200}") from None


def _said_of(raw: dict[str, Any]) -> tuple[Any, Any, Any]:
    return raw.get("blockNumber"), raw.get("blockHash"), raw.get("transactionHash")


# Logs come many of a transaction, and each of a leader's is told by the subscription, the receipt and the comparison.
@lru_cache(maxsize=8192, typed=True)
def _known(number: Any, block_hash: Any, tx_hash: Any) -> _Mined:
    return (
        _optional_quantity("blockNumber", number),
        word(block_hash) if block_hash else None,
        TxHash(word(tx_hash)) if tx_hash else None,
    )


def _named_quantity(name: str, said: Any) -> int:
    try:
        return quantity(said)
    except Malformed as error:
        raise Malformed(f"{name}: {error}") from None


def _optional_quantity(name: str, said: Any) -> int | None:
    return None if said is None else _named_quantity(name, said)


def _bytes(raw: Any) -> bytes:
    try:
        if isinstance(raw, str) and raw.startswith("0x"):
            return bytes.fromhex(raw[2:])
    except ValueError:
        pass
    raise Malformed(f"expected hex data, found {raw!r}")
