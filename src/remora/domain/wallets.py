"""The wallets that belong to an account: where the venue's factories put them, by CREATE2 (polymarket.md 1.1, 5).

An account, the owner, is a key that people log in with; it trades through a wallet of its own, one of each kind, whose
address follows from the owner's and the factory's, whether the wallet was made yet or not. The official SDK is the
oracle in the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from remora.domain.ids import Address, address
from remora.domain.order_hash import keccak

_PROXY_HEAD = bytes.fromhex("3d3d606380380380913d393d73")
_PROXY_BODY = bytes.fromhex("5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73")
_PROXY_TAIL = bytes.fromhex("5af43d82803e903d91602b57fd5bf352e831dd") + (32).to_bytes(32, "big") + bytes(32)
"""A proxy wallet's creation code, but for factory and implementation: before, between and behind them. It ends with the
call cloneConstructor("") that the factory's code gets."""

_BEACON_HEAD = bytes.fromhex("6100923d8160233d3973")
_BEACON_BODY = bytes.fromhex(
    "60195155f3363d3d373d3d363d602036600436635c60da"
    "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
    "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)
"""A deposit wallet's creation code, but for the beacon and the arguments: before it, and between them."""

_UPGRADEABLE_HEAD = bytes.fromhex("61007d3d8160233d3973")
_UPGRADEABLE_BODY = bytes.fromhex(
    "60095155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"
    "cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
)
"""The same of deposit wallets of before 2026-06-29, with an implementation in the place of the beacon."""


class WalletKind(StrEnum):
    """The kinds of wallets that an account can trade with, beside its own address; the words are the relayer's."""

    DEPOSIT = "WALLET"
    PROXY = "PROXY"
    SAFE = "SAFE"


def proxy_code_hash(factory: str, implementation: str) -> bytes:
    """Return the hash of the creation code of proxy wallets."""
    return keccak(_PROXY_HEAD + _bytes(factory) + _PROXY_BODY + _bytes(implementation) + _PROXY_TAIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedWallet:
    """A wallet that belongs to an owner; `name` says in words of what kind it is."""

    name: str
    wallet: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletFactories:
    """Who makes a network's wallets, and of what code.

    `safe_code_hash` is the hash of the creation code of safes. `deposit_wallet_implementation` is what deposit wallets
    ran before they had a beacon; a network without such wallets has None.
    """

    proxy_factory: Address
    proxy_implementation: Address
    safe_factory: Address
    safe_code_hash: bytes
    deposit_wallet_factory: Address
    deposit_wallet_beacon: Address
    deposit_wallet_implementation: Address | None = None

    def of(self, owner: str, kind: WalletKind) -> Address:
        """Return the address of an owner's wallet, whether it was made yet or not."""
        match kind:
            case WalletKind.DEPOSIT:
                return self._deposit_wallet(owner, _BEACON_HEAD + _bytes(self.deposit_wallet_beacon) + _BEACON_BODY)
            case WalletKind.PROXY:
                code_hash = proxy_code_hash(self.proxy_factory, self.proxy_implementation)
                return _create2(self.proxy_factory, keccak(_bytes(owner)), code_hash)
            case WalletKind.SAFE:
                return _create2(self.safe_factory, keccak(_word(owner)), self.safe_code_hash)
            case _:
                assert_never(kind)

    def wallets_of(self, owner: Address) -> Iterator[OwnedWallet]:
        """Yield all wallets that may be an owner's, the likeliest first."""
        yield OwnedWallet(name="deposit wallet", wallet=self.of(owner, WalletKind.DEPOSIT))
        if (implementation := self.deposit_wallet_implementation) is not None:
            code = _UPGRADEABLE_HEAD + _bytes(implementation) + _UPGRADEABLE_BODY
            yield OwnedWallet(name="older deposit wallet", wallet=self._deposit_wallet(owner, code))
        yield OwnedWallet(name="proxy wallet", wallet=self.of(owner, WalletKind.PROXY))
        yield OwnedWallet(name="safe", wallet=self.of(owner, WalletKind.SAFE))

    def _deposit_wallet(self, owner: str, code: bytes) -> Address:
        arguments = _word(self.deposit_wallet_factory) + _word(owner)
        return _create2(self.deposit_wallet_factory, keccak(arguments), keccak(code + arguments))


POLYGON_FACTORIES = WalletFactories(
    proxy_factory=Address("0xab45c5a4b0c941a2f231c04c3f49182e1a254052"),
    proxy_implementation=Address("0x44e999d5c2f66ef0861317f9a4805ac2e90aeb4f"),
    safe_factory=Address("0xaacfeea03eb1561c4e67d661e40682bd20e3541b"),
    safe_code_hash=bytes.fromhex("2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf"),
    deposit_wallet_factory=Address("0x00000000000fb5c9adea0298d729a0cb3823cc07"),
    deposit_wallet_beacon=Address("0x7a18edfe055488a3128f01f563e5b479d92ffc3a"),
    deposit_wallet_implementation=Address("0x58ca52ebe0dadfdf531cde7062e76746de4db1eb"),
)


def _create2(factory: Address, salt: bytes, code_hash: bytes) -> Address:
    return address("0x" + keccak(b"\xff" + _bytes(factory) + salt + code_hash)[-20:].hex())


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _word(account: str) -> bytes:
    return _bytes(account).rjust(32, b"\0")
