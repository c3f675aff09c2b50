"""Matches that the real V2 exchange settled on a local chain: their calldata decoded by eth_abi, and their logs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import decode

from remora.devnet.clob.orders import Side, SignatureType, SignedOrder

ORDER = "(uint256,address,address,uint256,uint256,uint256,uint8,uint8,uint256,bytes32,bytes32,bytes)"
ARGUMENTS = ("bytes32", ORDER, f"{ORDER}[]", "uint256", "uint256[]", "uint256", "uint256[]")
ARGUMENTS_V3 = (ORDER, f"{ORDER}[]", "uint256[]", "uint256[]", "(uint256,uint256,uint256)")
_FIXTURES = Path(__file__).parents[2] / "fixtures" / "exchange_v2"
_ORDER_FILLED = "0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledMatch:
    """One match: makers first and the taker last, as their logs are."""

    name: str
    chain_id: int
    exchange: str
    orders: list[SignedOrder]
    order_hashes: list[str]


def settled_matches() -> list[SettledMatch]:
    chain_id = json.loads((_FIXTURES / "deployment.json").read_text())["chain_id"]
    return [_match(case, chain_id) for case in json.loads((_FIXTURES / "cases.json").read_text())]


def _match(case: dict[str, Any], chain_id: int) -> SettledMatch:
    _, taker, makers, *_ = decode(ARGUMENTS, bytes.fromhex(case["calldata"][10:]))
    logs = [log for log in case["receipt"]["logs"] if log["topics"][0] == _ORDER_FILLED]
    return SettledMatch(
        name=case["name"],
        chain_id=chain_id,
        exchange=case["to"].lower(),
        orders=[_order(each) for each in (*makers, taker)],
        order_hashes=[log["topics"][1] for log in logs],
    )


def _order(fields: tuple[Any, ...]) -> SignedOrder:
    salt, maker, signer, token_id, making, taking, side, kind, timestamp, metadata, builder, signature = fields
    return SignedOrder(
        salt=salt,
        maker=maker,
        signer=signer,
        token_id=token_id,
        maker_amount=making,
        taker_amount=taking,
        side=Side.SELL if side else Side.BUY,
        signature_type=SignatureType(kind),
        timestamp_ms=timestamp,
        metadata=metadata,
        builder=builder,
        signature=signature,
    )
