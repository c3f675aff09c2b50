"""Pauses a token that knows no pause: its code is put aside, and in its place goes a gate that refuses transfers.

The gate reverts with the reason "paused" for functions that move something and delegates everything else to the code put
aside, on the token's own storage. The original code comes back when the pause ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.crypto import keccak

from remora.devnet.rpc import Node
from remora.domain.ids import Address

_MOVES = (
    *("transfer(address,uint256)", "transferFrom(address,address,uint256)", "mint(address,uint256)"),
    "safeTransferFrom(address,address,uint256,uint256,bytes)",
    "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
)
#: abi-encoded Error("paused"), as Solidity's and Vyper's assertions revert.
_REASON = function_signature_to_4byte_selector("Error(string)") + encode(["string"], ["paused"])


class Pause:
    """The tokens that are paused now, with their own code."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._codes: dict[Address, str] = {}

    async def set(self, token: Address, *, is_paused: bool) -> None:
        """Pause a token or end its pause; nothing happens when it is so already."""
        if is_paused and token not in self._codes:
            code = self._codes[token] = await self._node.call("eth_getCode", token, "latest")
            aside = Address("0x" + keccak(text=f"remora devnet code of {token}")[:20].hex())
            await self._node.call("anvil_setCode", aside, code)
            await self._node.call("anvil_setCode", token, "0x" + gate(aside, _MOVES).hex())
        elif not is_paused and token in self._codes:
            await self._node.call("anvil_setCode", token, self._codes.pop(token))


def gate(target: Address, refused: Sequence[str]) -> bytes:
    """Return bytecode that reverts for the refused signatures and delegates the rest to `target`."""
    selectors = [function_signature_to_4byte_selector(signature) for signature in refused]
    load = bytes.fromhex("60003560e01c")  # the selector: calldata[0:32] >> 224
    delegate = (
        bytes.fromhex("50366000600037600060003660006000")[:-2]  # drop it; copy calldata; out 0, in 0..calldatasize
        + bytes.fromhex("6000")
    )
    del delegate
    checks_size = 11 * len(selectors)
    forward = (
        bytes.fromhex("50" "3660006000" "37" "6000600036600073")
        + bytes.fromhex(target[2:])
        + bytes.fromhex("5af4" "3d60006000" "3e")
    )
    end = len(load) + checks_size + len(forward)
    succeed = end + 4 + 4  # after: PUSH2 succeed JUMPI, and the failing branch
    refuse = succeed + 5
    checks = b"".join(
        b"\x80\x63" + selector + b"\x14\x61" + refuse.to_bytes(2) + b"\x57" for selector in selectors
    )
    tail = b"\x61" + succeed.to_bytes(2) + b"\x57" + bytes.fromhex("3d6000fd") + bytes.fromhex("5b3d6000f3")
    code = load + checks + forward + tail + b"\x5b"
    reason_at = len(code) + 13
    return code + _push_reason(reason_at) + _REASON


def _push_reason(reason_at: int) -> bytes:
    """Return code that copies the reason behind it to memory and reverts with it."""
    size = len(_REASON).to_bytes(1)
    return b"\x60" + size + b"\x61" + reason_at.to_bytes(2) + b"\x60\x00\x39" + b"\x60" + size + b"\x60\x00\xfd"
