"""A position: what a wallet holds of a token, what it paid for it, and what it made of it.

What a wallet holds is the chain's word; the rest is what its account says (`costs`).
"""

from __future__ import annotations

from dataclasses import dataclass

from remora.devnet.clob.listings import Listing
from remora.devnet.clob.units import ONE
from remora.devnet.data_api.costs import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Amounts and prices in base units: `bought` shares for `spent`, and what is `held` cost `cost`.

    `realized` is what sales, merges and redemptions made, and may be negative; no fees are in it. The `price` of a
    resolved market is the payout.
    """

    wallet: str
    listing: Listing
    token_id: int
    held: int
    opposite_held: int
    bought: int
    spent: int
    cost: int
    fees: int
    realized: int
    price: int
    is_resolved: bool
    first_s: int
    last_s: int

    @property
    def is_open(self) -> bool:
        """Whether anything is held."""
        return self.held > 0

    @property
    def is_redeemable(self) -> bool:
        """Whether shares of a resolved market are held, be they worth something or not."""
        return self.is_open and self.is_resolved

    @property
    def is_mergeable(self) -> bool:
        """Whether both outcomes of a market that is not resolved are held."""
        return self.is_open and self.opposite_held > 0 and not self.is_resolved

    @property
    def average_price(self) -> int:
        """What a held share cost."""
        return self.cost * ONE // self.held if self.held else 0

    @property
    def value(self) -> int:
        """What is held, at the present price."""
        return self.held * self.price // ONE

    @property
    def unrealized(self) -> int:
        """What selling at the present price would make."""
        return self.value - self.cost


def position_of(
    account: Account | None,
    *,
    wallet: str,
    listing: Listing,
    token_id: int,
    held: int,
    opposite_held: int,
    price: int,
    is_resolved: bool = False,
) -> Position | None:
    """Return a position from its account and what the chain says is held; None when there is neither."""
    if account is None and not held:
        return None
    account = account or Account()
    return Position(
        wallet=wallet,
        listing=listing,
        token_id=token_id,
        held=held,
        opposite_held=opposite_held,
        bought=account.bought,
        spent=account.spent,
        cost=account.cost_of(held),
        fees=account.fees,
        realized=account.realized,
        price=price,
        is_resolved=is_resolved,
        first_s=account.first_s,
        last_s=account.last_s,
    )
