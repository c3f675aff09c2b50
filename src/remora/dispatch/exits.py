"""How much of a lot an exit sells: the fraction that the leader sold, never more than the follower really holds."""

from __future__ import annotations

from remora.domain.money import Shares, mul_div_floor


def exit_shares(*, lot: Shares, balance: Shares, sold: Shares, left: Shares) -> Shares:
    """Return the shares to sell: lot x sold / (sold + left), rounded down and capped by the balance on chain.

    `sold` is what the leader sold, `left` what the leader holds afterwards. A leader who has nothing left closes the
    whole lot.
    """
    before = sold.units + left.units
    if before <= 0:
        return Shares(0)
    return min(Shares(mul_div_floor(lot.units, sold.units, before)), balance)
