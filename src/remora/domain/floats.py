"""Nouns of a rebalance: how much float operator wallets shall have, and what moves between one and the treasury.

A draw goes from an operator wallet to the treasury, a top-up the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from remora.domain.errors import Malformed
from remora.domain.ids import Address
from remora.domain.ledger import COLLATERAL, TREASURY, Posting, operator_account, transfer
from remora.domain.money import ZERO_COLLATERAL, Collateral


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatBounds:
    """A wallet below `floor` is brought up to `target`, one above `ceiling` down to it; what is between stays."""

    floor: Collateral
    target: Collateral
    ceiling: Collateral

    def __post_init__(self) -> None:
        if not ZERO_COLLATERAL <= self.floor <= self.target <= self.ceiling:
            found = f"{self.floor}, {self.target} and {self.ceiling}"
            raise Malformed(f"expected a floor from 0, a target from there and a ceiling from there, found {found}")

    @classmethod
    def exactly(cls, target: Collateral) -> Self:
        """Return the bounds that bring every wallet to the target, to the base unit."""
        return cls(floor=target, target=target, ceiling=target)


class TransferKind(StrEnum):
    """Which way float goes. The value is stored, and the purpose of the transaction."""

    DRAW = "draw"
    TOP_UP = "top-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatTransfer:
    """Float on its way between an operator wallet and the treasury."""

    wallet: Address
    kind: TransferKind
    amount: Collateral

    def posting(self, sender: Address, nonce: int) -> Posting:
        """Return what it changes in the books; the sender's account nonce moves float once."""
        own, units = operator_account(self.wallet), self.amount.units
        source, target = (own, TREASURY) if self.kind is TransferKind.DRAW else (TREASURY, own)
        return Posting(posting_id=transfer_id(sender, nonce), entries=transfer(source, target, COLLATERAL, units))


def transfer_id(sender: Address, nonce: int) -> str:
    """Return the id of the posting of what a transaction moved between an operator wallet and the treasury."""
    return f"float:{sender}:{nonce}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedFloat:
    """What the database says of a wallet's float: `booked` in the ledger, of which it owes `owed` as proceeds.

    `moving`: an order, leg or transaction of it, or a transfer to it, has no end yet.
    """

    wallet: Address
    booked: Collateral
    owed: Collateral
    moving: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatRequest:
    """A rebalance that a person asked for."""

    bounds: FloatBounds
    asked_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TreasuryStanding:
    """The treasury's collateral at one moment."""

    wallet: Address
    balance: Collateral
    seen_us: int
