"""The settings that say where the venue's contracts are: those of Polygon, and a Clearinghouse."""

from __future__ import annotations

from remora.domain.contracts import (
    COLLATERAL,
    CONDITIONAL_TOKENS,
    EXCHANGE_V3,
    NEG_RISK_EXCHANGE,
    POSITION_MANAGER,
    STANDARD_EXCHANGE,
)
from remora.domain.ids import Address

CLEARINGHOUSE = Address("0x" + 40 * "c")

CONTRACTS = {
    "REMORA_EXCHANGE": STANDARD_EXCHANGE,
    "REMORA_NEG_RISK_EXCHANGE": NEG_RISK_EXCHANGE,
    "REMORA_EXCHANGE_V3": EXCHANGE_V3,
    "REMORA_CONDITIONAL_TOKENS": CONDITIONAL_TOKENS,
    "REMORA_POSITION_MANAGER": POSITION_MANAGER,
    "REMORA_COLLATERAL": COLLATERAL,
    "REMORA_CLEARINGHOUSE": CLEARINGHOUSE,
}
