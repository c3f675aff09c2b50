"""The contracts that are known, from the settings."""

from __future__ import annotations

from remora.domain.contracts import POLYGON, Contracts
from remora.domain.ids import Address
from remora.settings.environment import ContractSettings


def known_contracts(settings: ContractSettings) -> Contracts:
    """Return the exchanges, ledgers and collateral that are set; adapters are those of Polygon."""
    exchanges = {settings.exchange, settings.neg_risk_exchange, settings.exchange_v3, *settings.extra_exchanges}
    ledgers = {settings.conditional_tokens, settings.position_manager, *settings.extra_ledgers}
    return Contracts(
        exchanges=frozenset(map(Address, exchanges)),
        ledgers=frozenset(map(Address, ledgers)),
        collaterals=frozenset({Address(settings.collateral)}),
        adapters=POLYGON.adapters,
    )
