"""How many decimals the amounts of an order may have, by the market's tick size (polymarket.md 3.3).

"Size" is the amount that a trader chooses (shares, or the collateral of a market BUY), "amount" the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """The decimals allowed at one tick size."""

    amount: int
    price: int
    size: int = 2


#: By tick size in base units.
BY_TICK: Mapping[int, Precision] = MappingProxyType(
    {
        100_000: Precision(amount=3, price=1),
        10_000: Precision(amount=4, price=2),
        5_000: Precision(amount=5, price=3),
        2_500: Precision(amount=6, price=4),
        1_000: Precision(amount=5, price=3),
        100: Precision(amount=6, price=4),
    }
)
