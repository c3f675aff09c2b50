"""Where the wallets of an account are, by the CREATE2 rules of the venue's factories (polymarket.md 1.1, 5).

An account, the owner, has one wallet of each kind. Proxy wallets and safes are at the addresses that they have on
Polygon, deposit wallets where the devnet's own factory puts them. The official SDK is the oracle in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from eth_utils.crypto import keccak

from remora.domain.ids import Address, address

#: The venue's factories of proxy wallets and of safes, each with the hash of the code that it creates. The proxy's hash
#: is that of the SDK's template, filled in.
LEGACY_FACTORIES = (
    "0xab45c5a4b0c941a2f231c04c3f49182e1a254052",
    bytes.fromhex("d21df8dc65880a8606f09fe0ce3df9b8869287ab0b058be05aa9e8af6330a00b"),
    "0xaacfeea03eb1561c4e67d661e40682bd20e3541b",
    bytes.fromhex("2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf"),
)
#: A beacon proxy's creation code, but for the beacon and the arguments: before it, and between them.
_BEACON_PROXY_HEAD = bytes.fromhex("6100923d8160233d3973")
_BEACON_PROXY_BODY = bytes.fromhex(
    "60195155f3363d3d373d3d363d602036600436635c60da"
    "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
    "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)


class WalletKind(StrEnum):
    """The kinds of wallets that an account can trade with, beside its own address; the words are the relayer's."""

    PROXY = "PROXY"
    SAFE = "SAFE"
    DEPOSIT = "WALLET"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletAddresses:
    """The addresses of owners' wallets, given the factory of deposit wallets, which is its own beacon."""

    deposit_wallet_factory: str

    def of(self, owner: str, kind: WalletKind) -> Address:
        """Return the address of an owner's wallet, whether it was made yet or not."""
        proxy_factory, proxy_code_hash, safe_factory, safe_code_hash = LEGACY_FACTORIES
        match kind:
            case WalletKind.PROXY:
                return _create2(proxy_factory, keccak(_bytes(owner)), proxy_code_hash)
            case WalletKind.SAFE:
                return _create2(safe_factory, keccak(_word(owner)), safe_code_hash)
            case WalletKind.DEPOSIT:
                factory = self.deposit_wallet_factory
                arguments = _word(factory) + _word(owner)
                code = _BEACON_PROXY_HEAD + _bytes(factory) + _BEACON_PROXY_BODY + arguments
                return _create2(factory, keccak(arguments), keccak(code))
            case _:
                assert_never(kind)


def _create2(factory: str, salt: bytes, code_hash: bytes) -> Address:
    return address("0x" + keccak(b"\xff" + _bytes(factory) + salt + code_hash)[-20:].hex())


def _bytes(account: str) -> bytes:
    return bytes.fromhex(account.removeprefix("0x"))


def _word(account: str) -> bytes:
    return _bytes(account).rjust(32, b"\0")
