"""Pauses a token that knows no pause: its code is put aside, and a gate that refuses transfers goes in its place.

The gate reverts with the reason "paused" for functions that move something, says yes to `paused()`, and delegates
everything else to the code put aside, on the token's own storage. The original code comes back when the pause ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.crypto import keccak

from remora.devnet.remembering import Remembering
from remora.devnet.rpc import Node
from remora.domain.ids import Address

_MOVES = (
    *("transfer(address,uint256)", "transferFrom(address,address,uint256)", "mint(address,uint256)"),
    "safeTransferFrom(address,address,uint256,uint256,bytes)",
    "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
    "unsafeTransferFrom(address,address,uint256,uint256)",
    "unsafeBatchTransferFrom(address,address,uint256[],uint256[])",
)
_PAUSED = function_signature_to_4byte_selector("paused()")
#: abi-encoded Error("paused"), as Solidity's and Vyper's assertions revert.
_REASON = function_signature_to_4byte_selector("Error(string)") + encode(["string"], ["paused"])

#: Revert with, and return, what the delegate returned; the sizes of a selector's check, a jump and the refusal.
_FAIL = bytes.fromhex("3d 6000 fd")
_SUCCEED = bytes.fromhex("5b 3d 6000 f3")
_YES = bytes.fromhex("5b 6001 6000 52 6020 6000 f3")
_CHECK_SIZE = 11
_JUMP_SIZE = 4
_REFUSE_SIZE = 14


class Pause(Remembering):
    """The tokens that are paused now, with their own code."""

    remembered = ("_codes",)

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
    """Return bytecode that reverts for the refused signatures, is paused, and delegates the rest to `target`."""
    selectors = [function_signature_to_4byte_selector(signature) for signature in refused]
    load = bytes.fromhex("6000 35 60e0 1c")  # calldata[0:32] >> 224
    copy = bytes.fromhex("36 6000 6000 37")  # the whole calldata to memory
    delegate = bytes.fromhex("6000 6000 36 6000 73") + bytes.fromhex(target[2:]) + bytes.fromhex("5a f4")
    forward = copy + delegate + bytes.fromhex("3d 6000 6000 3e")  # the whole answer to memory
    succeed_at = len(load) + _CHECK_SIZE * (len(selectors) + 1) + len(forward) + len(_FAIL) + _JUMP_SIZE
    yes_at = succeed_at + len(_SUCCEED)
    refuse_at = yes_at + len(_YES)
    checks = b"".join(_check(selector, refuse_at) for selector in selectors) + _check(_PAUSED, yes_at)
    code = load + checks + forward + _jump_if(succeed_at) + _FAIL + _SUCCEED + _YES
    return code + _refuse(len(code)) + _REASON


def _check(selector: bytes, target: int) -> bytes:
    return b"\x80\x63" + selector + b"\x14" + _jump_if(target)


def _jump_if(target: int) -> bytes:
    return b"\x61" + target.to_bytes(2) + b"\x57"


def _refuse(at: int) -> bytes:
    """Return code, to stand at `at`, that copies the reason behind it to memory and reverts with it."""
    size = len(_REASON).to_bytes(1)
    copied = b"\x60" + size + b"\x61" + (at + _REFUSE_SIZE).to_bytes(2) + bytes.fromhex("6000 39")
    return b"\x5b" + copied + b"\x60" + size + bytes.fromhex("6000 fd")
