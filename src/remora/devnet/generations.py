"""Which contracts a market or a token belongs to: the two generations that a devnet has beside each other.

A market of version "v1" trades on the standard or the neg-risk exchange, and ConditionalTokens keeps its shares. All
markets of version "v2" trade on the exchange V3, and the position manager keeps their shares (polymarket.md 1.0).
"""

from __future__ import annotations

from remora.devnet.endpoints import Contracts, Market
from remora.domain.contracts import Exchanges, Ledgers
from remora.domain.ids import Address, TokenId

_SHORT_CONDITION_BYTES = 31


def exchange_of(contracts: Contracts, market: Market) -> Address:
    """Return the exchange that a market trades on."""
    if market.version == "v2":
        return Address(contracts.exchange_v3)
    return Address(contracts.neg_risk_exchange if market.neg_risk else contracts.exchange)


def exchanges(contracts: Contracts) -> Exchanges:
    """Return the exchanges as a signer of orders knows them."""
    return Exchanges(
        standard=Address(contracts.exchange),
        neg_risk=Address(contracts.neg_risk_exchange),
        v3=Address(contracts.exchange_v3),
    )


def ledgers(contracts: Contracts) -> Ledgers:
    """Return the ledgers that keep shares."""
    return Ledgers(
        conditional_tokens=Address(contracts.conditional_tokens),
        position_manager=Address(contracts.position_manager),
        share_collaterals=(Address(contracts.ctf_collateral), Address(contracts.wrapped_collateral)),
    )


def exchange_versions(contracts: Contracts) -> dict[Address, str]:
    """Return all exchanges, each with the version of its EIP-712 domain."""
    return {
        Address(contracts.exchange): "2",
        Address(contracts.neg_risk_exchange): "2",
        Address(contracts.exchange_v3): "3",
    }


def ledger_of(contracts: Contracts, token_id: int) -> Address:
    """Return the ledger that keeps a token's shares."""
    return ledgers(contracts).of(TokenId(token_id))


def condition_bytes(market: Market) -> bytes:
    """Return a market's condition id as its contracts take it: 31 bytes in version "v2", else 32."""
    word = bytes.fromhex(market.condition_id.removeprefix("0x"))
    return word[:_SHORT_CONDITION_BYTES] if market.version == "v2" else word
