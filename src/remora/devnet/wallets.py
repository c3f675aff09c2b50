"""Makes wallets of every kind at the addresses where the SDK derives them, without asking their owners.

Deposit wallets come out of their factory, as the relayer makes them. Of the older kinds a devnet has no factory: their
code is put in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from remora.devnet.abi import calldata
from remora.devnet.artifacts import load_artifact
from remora.devnet.deployment import RELAYER
from remora.devnet.endpoints import Contracts
from remora.devnet.rpc import Node
from remora.devnet.transactions import Act, transact
from remora.devnet.wallet_addresses import WalletAddresses, WalletKind
from remora.domain.ids import Address

_GAS_PER_WALLET = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallets:
    """Where wallets are made on one devnet."""

    node: Node
    contracts: Contracts

    async def make(self, kind: WalletKind, owner: Address) -> Address:
        """Make an owner's wallet and return its address; raise `Refused` for a deposit wallet that exists."""
        wallet = WalletAddresses(deposit_wallet_factory=self.contracts.deposit_wallet_factory).of(owner, kind)
        match kind:
            case WalletKind.DEPOSIT:
                factory = Address(self.contracts.deposit_wallet_factory)
                act = Act(sender=RELAYER, to=factory, data=deployment([owner]), gas=_GAS_PER_WALLET)
                await transact(self.node, [act])
            case WalletKind.PROXY | WalletKind.SAFE:
                await self._place_legacy(wallet)
            case _:
                assert_never(kind)
        return wallet

    async def _place_legacy(self, wallet: Address) -> None:
        creation = {"data": "0x" + load_artifact("LegacyWallet").bytecode.hex()}
        code = await self.node.call("eth_call", creation, "latest")
        await self.node.call("anvil_setCode", wallet, code)


def deployment(owners: Sequence[str]) -> bytes:
    """Return the calldata that has the factory make these owners' deposit wallets."""
    ids = [bytes.fromhex(owner[2:]).rjust(32, b"\0") for owner in owners]
    return calldata("deploy(address[],bytes32[])", list(owners), ids)
