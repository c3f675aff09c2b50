"""Calldata by signature, for the devnet's set-up: readable before fast."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector

MAX_UINT256 = 2**256 - 1


def calldata(signature: str, *arguments: Any) -> bytes:
    """Encode a call such as `calldata("approve(address,uint256)", spender, amount)`; tuples are not supported."""
    types = signature[signature.index("(") + 1 : -1]
    return function_signature_to_4byte_selector(signature) + encode(types.split(",") if types else [], arguments)
