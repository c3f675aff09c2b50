"""Whether an address can be a leader: a wallet that trades, and not a login key or a contract of the venue.

People know the address that they log in with; trades are of another one, their deposit wallet mostly. Which wallets
belong to a login key follows from it (`domain/wallets.py`), and which of them trade the public history tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eth_utils.address import to_checksum_address

from remora.domain.contracts import POLYGON
from remora.domain.errors import Malformed
from remora.domain.ids import Address
from remora.domain.wallets import OwnedWallet, WalletFactories
from remora.ports import PublicHistory
from remora.settings.environment import ContractSettings, LeaderSettings


def refuse_contract(wallet: Address, settings: LeaderSettings) -> None:
    """Raise Malformed for an address that is no wallet: a contract of the venue, or the Clearinghouse."""
    kinds: dict[str, Iterable[str]] = {
        "an exchange": _exchanges(settings) | POLYGON.exchanges,
        "a position ledger": _ledgers(settings) | POLYGON.ledgers,
        "a collateral token": {settings.collateral} | POLYGON.collaterals,
        "the Clearinghouse": {settings.clearinghouse},
        "an adapter": POLYGON.adapters,
        "a factory of wallets": {settings.deposit_wallet_factory, settings.proxy_factory, settings.safe_factory},
    }
    for kind, addresses in kinds.items():
        if wallet in addresses:
            raise Malformed(f"expected a leader's wallet, found {to_checksum_address(wallet)}: it is {kind}")


async def idleness(wallet: Address, history: PublicHistory, factories: WalletFactories) -> str | None:
    """Return what to say of an address without fills, with those of its wallets that trade; None for one with fills."""
    if await history.has_traded(wallet):
        return None
    owned = list(factories.wallets_of(wallet))
    trading = [each for each in owned if await history.has_traded(each.wallet)]
    advice = f"{_its(trading)}: add that" if trading else f"nor has any wallet of it ({_its(owned)}): perhaps mistyped"
    return (
        f"expected a wallet that trades, found {to_checksum_address(wallet)}: this address has no fills; {advice}. "
        f"With --anyway it is added as it is"
    )


def _its(owned: Sequence[OwnedWallet]) -> str:
    return ", ".join(f"its {each.name} is {to_checksum_address(each.wallet)}" for each in owned)


def _exchanges(settings: ContractSettings) -> frozenset[str]:
    return frozenset({settings.exchange, settings.neg_risk_exchange, settings.exchange_v3, *settings.extra_exchanges})


def _ledgers(settings: ContractSettings) -> frozenset[str]:
    return frozenset({settings.conditional_tokens, settings.position_manager, *settings.extra_ledgers})
