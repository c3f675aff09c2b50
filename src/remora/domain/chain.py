"""What a node tells us: logs, receipts and blocks, decoded from JSON-RPC but not yet understood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from remora.domain.errors import Malformed
from remora.domain.ids import Address, TxHash, address, word


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One event log. Fields that a source may leave out (a bare log from a test vector) are None."""

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
    """A mined transaction: whether it succeeded, and all its logs in order."""

    tx_hash: TxHash
    block_number: int
    succeeded: bool
    gas_used: int
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A new block's header, as far as it is needed. `timestamp_s` is the chain's clock."""

    number: int
    hash: str
    parent_hash: str
    timestamp_s: int


def parse_log(raw: Any) -> Log:
    """Read one JSON-RPC log object; Malformed names the field that is missing or wrong."""
    if not isinstance(raw, dict):
        raise Malformed(f"expected a log object, found {type(raw).__name__}")
    topics = raw.get("topics")
    if not isinstance(topics, list):
        raise Malformed(f"expected the log's topics to be a list, found {type(topics).__name__}")
    return Log(
        address=address(raw.get("address", "")),
        topics=tuple(word(t) for t in topics),
        data=_bytes(raw.get("data")),
        block_number=_optional_quantity(raw, "blockNumber"),
        block_hash=word(raw["blockHash"]) if raw.get("blockHash") else None,
        tx_hash=TxHash(word(raw["transactionHash"])) if raw.get("transactionHash") else None,
        log_index=_optional_quantity(raw, "logIndex"),
        removed=raw.get("removed") is True,
    )


def parse_receipt(raw: Any) -> Receipt:
    """Read one JSON-RPC receipt; Malformed names the field that is missing or wrong."""
    if not isinstance(raw, dict) or not isinstance(raw.get("logs"), list):
        raise Malformed("expected a receipt object with a list of logs")
    return Receipt(
        tx_hash=TxHash(word(raw.get("transactionHash", ""))),
        block_number=_named_quantity(raw, "blockNumber"),
        succeeded=_named_quantity(raw, "status", "0x1") == 1,
        gas_used=_named_quantity(raw, "gasUsed", "0x0"),
        logs=tuple(parse_log(log) for log in raw["logs"]),
    )


def quantity(raw: Any) -> int:
    """Read a JSON-RPC quantity such as "0x10", or a plain non-negative integer; Malformed otherwise."""
    if isinstance(raw, int) and not isinstance(raw, bool) and raw >= 0:
        return raw
    try:
        if isinstance(raw, str) and raw.startswith("0x"):
            return int(raw, 16)
    except ValueError:
        pass
    raise Malformed(f"expected a hex quantity, found {raw!r}")


def _named_quantity(raw: dict[str, Any], key: str, default: str | None = None) -> int:
    try:
        return quantity(raw.get(key, default))
    except Malformed as error:
        raise Malformed(f"{key}: {error}") from None


def _optional_quantity(raw: dict[str, Any], key: str) -> int | None:
    return None if raw.get(key) is None else _named_quantity(raw, key)


def _bytes(raw: Any) -> bytes:
    try:
        if isinstance(raw, str) and raw.startswith("0x"):
            return bytes.fromhex(raw[2:])
    except ValueError:
        pass
    raise Malformed(f"expected hex data, found {raw!r}")
