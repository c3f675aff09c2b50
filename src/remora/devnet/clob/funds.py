"""What makers have on chain, what of it is spoken for, and whether an order is covered.

A purse is one maker's holding of one asset as one exchange may spend it. Resting orders hold what they may still give
("active"); trades hold what they move until their transaction is mined ("matched"), when the chain's balance tells.
What a trade brings in counts when it is mined, not before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from remora.devnet.clob import refusals
from remora.devnet.clob.book import PlacedOrder
from remora.devnet.clob.orders import Side
from remora.devnet.endpoints import Contracts
from remora.devnet.generations import exchange_versions
from remora.devnet.remembering import Remembering

#: Allowances from here on are not worth counting down; smaller ones are read again when something was spent of them.
_UNLIMITED = 2**255


@dataclass(frozen=True, slots=True)
class Purse:
    """An owner's collateral (`token_id` None) or shares, as the exchange `spender` may move them."""

    owner: str
    token_id: int | None
    spender: str


@dataclass(frozen=True, slots=True)
class Holding:
    """What the chain says of a purse at one block."""

    balance: int
    allowance: int


def purse_of(order: PlacedOrder) -> Purse:
    """Return the purse that an order gives from."""
    signed = order.request.order
    return Purse(signed.maker, None if signed.side is Side.BUY else signed.token_id, order.listing.exchange)


class Funds(Remembering):
    """Holdings as of the last block, and the claims on them.

    `known` is filled by who reads the chain, and kept up to date: our own trades are booked when they are mined, and
    who else's transactions touched is forgotten. To ask about a purse that is not known is a mistake of the caller.
    """

    remembered = ("known", "active", "matched")

    def __init__(self, contracts: Contracts) -> None:
        self._spenders = tuple(exchange_versions(contracts))
        self.known: dict[Purse, Holding] = {}
        self.active: Counter[Purse] = Counter()
        self.matched: Counter[Purse] = Counter()

    def missing(self, purses: Iterable[Purse]) -> list[Purse]:
        """Return the purses not yet read at this block."""
        return [purse for purse in purses if purse not in self.known]

    def forget(self, owners: Collection[str]) -> None:
        """Forget what these owners hold: something happened to it."""
        self.known = {purse: holding for purse, holding in self.known.items() if purse.owner not in owners}

    def book(self, owner: str, token_id: int | None, amount: int) -> None:
        """Add to what an owner holds, or take from it, as a mined trade did."""
        for purse in self._siblings(Purse(owner, token_id, "")):
            if (holding := self.known.pop(purse, None)) and holding.allowance >= _UNLIMITED:
                self.known[purse] = Holding(holding.balance + amount, holding.allowance)

    def check(self, purse: Purse, amount: int) -> None:
        """Refuse unless the purse covers `amount` beside all that is claimed already."""
        holding = self.known[purse]
        siblings = self._siblings(purse)
        active = sum(self.active[sibling] for sibling in siblings)
        matched = sum(self.matched[sibling] for sibling in siblings)
        if holding.balance < active + matched + amount:
            raise refusals.balance_shortage(balance=holding.balance, active=active, matched=matched, amount=amount)
        if holding.allowance < self.active[purse] + self.matched[purse] + amount:
            raise refusals.allowance_shortage(spender=purse.spender, allowance=holding.allowance, amount=amount)

    def covers(self, purse: Purse) -> bool:
        """Tell whether the purse covers what is claimed."""
        try:
            self.check(purse, 0)
        except refusals.Shortage:
            return False
        return True

    def _siblings(self, purse: Purse) -> list[Purse]:
        return [Purse(purse.owner, purse.token_id, spender) for spender in self._spenders]
