"""What fills add to each wallet's balances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from remora.domain.ids import Address
from remora.domain.signal import Fill, Side


def movements(fills: Iterable[Fill]) -> dict[Address, dict[str, int]]:
    """Return base units per wallet and asset: a buyer pays the fee on top, a seller out of the proceeds."""
    moved: defaultdict[Address, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for fill in fills:
        sign = 1 if fill.side is Side.BUY else -1
        moved[fill.wallet][str(fill.token_id)] += sign * fill.shares.units
        moved[fill.wallet]["collateral"] -= sign * fill.collateral.units + fill.fee.units
    return {wallet: dict(changes) for wallet, changes in moved.items()}
