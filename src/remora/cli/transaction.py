"""A transaction that is not mined, from a file: as a node gives it, in JSON, or its bare calldata in hex."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remora.domain.chain import quantity
from remora.domain.errors import Malformed
from remora.domain.ids import Address, TxHash, address, word

_WRAPPERS = ("result", "transaction", "tx")
_CALLDATA = ("input", "data", "calldata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What a transaction will do. None for what its source does not tell."""

    calldata: bytes
    to: Address | None = None
    chain_id: int | None = None
    tx_hash: TxHash | None = None


def read_transaction(path: Path) -> Announced:
    """Read a file; Malformed names it, and says what was expected and found."""
    try:
        text = path.read_text(encoding="utf-8").strip()
        return parse_transaction(_content(text))
    except OSError as error:
        raise Malformed(f"{path}: expected a readable file, found {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{path}: expected a JSON transaction or hex calldata, found {error}") from None
    except Malformed as error:
        raise Malformed(f"{path}: {error}") from None


def parse_transaction(raw: Any) -> Announced:
    """Read a transaction object, bare or in a JSON-RPC response, or the hex text of calldata."""
    if isinstance(raw, str):
        return Announced(calldata=_hex(raw))
    if isinstance(raw, dict):
        for key in _CALLDATA:
            if key in raw:
                return _object(raw, key)
        for key in _WRAPPERS:
            if isinstance(raw.get(key), dict):
                return parse_transaction(raw[key])
    found = f"an object with {', '.join(sorted(raw)) or 'nothing in it'}" if isinstance(raw, dict) else repr(raw)
    raise Malformed(f"expected a transaction with its input, or hex calldata, found {found}")


def _object(raw: dict[str, Any], calldata: str) -> Announced:
    return Announced(
        calldata=_hex(raw[calldata]),
        to=address(raw["to"]) if raw.get("to") else None,
        chain_id=quantity(raw["chainId"]) if raw.get("chainId") else None,
        tx_hash=TxHash(word(raw["hash"])) if raw.get("hash") else None,
    )


def _content(text: str) -> Any:
    """Return parsed JSON, or a text that begins as hex does, as it is."""
    return text if text.startswith("0x") else json.loads(text)


def _hex(raw: Any) -> bytes:
    try:
        if isinstance(raw, str) and raw.startswith("0x"):
            return bytes.fromhex(raw[2:])
    except ValueError:
        pass
    raise Malformed(f"expected hex calldata beginning with 0x, found {raw!r:.80}")
