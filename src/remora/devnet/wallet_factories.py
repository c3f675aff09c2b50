"""The devnet's own makers of wallets: by the rules of those on Polygon, at other addresses."""

from __future__ import annotations

from remora.devnet.endpoints import Contracts
from remora.domain.ids import Address
from remora.domain.order_hash import keccak
from remora.domain.wallets import WalletFactories

#: A safe's creation code, but for the contract whose code it runs: before it, and behind.
_SAFE_HEAD = bytes.fromhex("602d3d8160093d39f3363d3d373d3d3d363d73")
_SAFE_TAIL = bytes.fromhex("5af43d82803e903d91602b57fd5bf3")


def safe_code_hash(singleton: str) -> bytes:
    """Return the hash of the creation code of safes; `singleton` is the contract whose code they run."""
    return keccak(_SAFE_HEAD + bytes.fromhex(singleton.removeprefix("0x")) + _SAFE_TAIL)


def wallet_factories(contracts: Contracts) -> WalletFactories:
    """Return who makes a devnet's wallets. The factory of deposit wallets is also their beacon."""
    return WalletFactories(
        proxy_factory=Address(contracts.proxy_factory),
        proxy_implementation=Address(contracts.proxy_implementation),
        safe_factory=Address(contracts.safe_factory),
        safe_code_hash=safe_code_hash(contracts.safe_singleton),
        deposit_wallet_factory=Address(contracts.deposit_wallet_factory),
        deposit_wallet_beacon=Address(contracts.deposit_wallet_factory),
    )
