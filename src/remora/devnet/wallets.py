"""Makes wallets of every kind at the addresses where the SDK derives them, without asking their owners.

They come out of their factories. Those of the older kinds let anybody make anybody's wallet, which only its owner
commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from remora.devnet.abi import calldata
from remora.devnet.deployment import RELAYER
from remora.devnet.endpoints import Contracts
from remora.devnet.rpc import Node
from remora.devnet.transactions import Act, transact
from remora.devnet.wallet_factories import wallet_factories
from remora.domain.ids import Address
from remora.domain.wallets import WalletKind

_GAS_PER_WALLET = 400_000
#: The factory takes 64.
_WALLETS_PER_CALL = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallets:
    """Where wallets are made on one devnet."""

    node: Node
    contracts: Contracts

    async def make(self, kind: WalletKind, owner: Address) -> Address:
        """Make an owner's wallet and return its address; raise `Refused` for one that exists."""
        (wallet,) = await self.make_many(kind, [owner])
        return wallet

    async def make_many(self, kind: WalletKind, owners: Sequence[Address]) -> list[Address]:
        """Make a wallet for each owner, as `make` does, in as few transactions as there can be."""
        await transact(self.node, list(self._creations(kind, owners)))
        addresses = wallet_factories(self.contracts)
        return [addresses.of(owner, kind) for owner in owners]

    def _creations(self, kind: WalletKind, owners: Sequence[Address]) -> Iterator[Act]:
        match kind:
            case WalletKind.DEPOSIT:
                factory = self.contracts.deposit_wallet_factory
                for start in range(0, len(owners), _WALLETS_PER_CALL):
                    group = owners[start : start + _WALLETS_PER_CALL]
                    yield _creation(factory, deployment(group), len(group))
            case WalletKind.PROXY | WalletKind.SAFE:
                is_proxy = kind is WalletKind.PROXY
                factory = self.contracts.proxy_factory if is_proxy else self.contracts.safe_factory
                for owner in owners:
                    yield _creation(factory, calldata("make(address)", owner))
            case _:
                assert_never(kind)


def _creation(factory: str, data: bytes, wallets: int = 1) -> Act:
    return Act(sender=RELAYER, to=Address(factory), data=data, gas=_GAS_PER_WALLET * wallets)


def deployment(owners: Sequence[str]) -> bytes:
    """Return the calldata that has the factory make these owners' deposit wallets."""
    ids = [bytes.fromhex(owner[2:]).rjust(32, b"\0") for owner in owners]
    return calldata("deploy(address[],bytes32[])", list(owners), ids)
