"""Nouns of the audit: how ledger, chain and venue are compared, what differs and why, and who is suspended for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from remora.domain.ids import Address, OrderHash, TxHash


class Cause(StrEnum):
    """Why a wallet differs from the books. The value is shown."""

    IN_FLIGHT = "in flight"
    TOP_UP = "unbooked top-up"
    REDEEMABLE = "its market is over: redeemed, or moved, by the follower"
    MOVED = "moved behind our back"
    UNHEARD = "more than booked while something else is missing"
    STRANGE_ORDER = "an open order that is not ours"

    @property
    def is_explained(self) -> bool:
        """Whether nobody needs to act."""
        return self in {Cause.IN_FLIGHT, Cause.TOP_UP, Cause.REDEEMABLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A balance of an operator wallet or a follower that is not as booked, in base units, or an order of the venue's.

    `asset` is "collateral", a token id as text, or an order's hash, booked 0 times and found once.
    """

    wallet: Address
    asset: str
    booked: int
    found: int
    cause: Cause
    detail: str = ""

    def sentence(self) -> str:
        """Return the difference for people."""
        more = f" ({self.detail})" if self.detail else ""
        return f"{self.asset}: {self.booked} booked, {self.found} found, {self.cause}{more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the database says at one moment.

    `balances` is the ledger. `opened` are the operator wallets that the books know, `orders` the open orders of each,
    and `moving` names what of each operator wallet and follower is on its way.
    """

    balances: Mapping[tuple[str, str], int]
    opened: frozenset[Address]
    orders: Mapping[Address, frozenset[OrderHash]]
    moving: Mapping[Address, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardFills:
    """The transactions of a wallet's fills that are booked and may still be taken back, and the detector's cursor.

    `first` is the first block that any of them was heard in, or that comes after the cursor.
    """

    cursor: int
    first: int
    transactions: frozenset[TxHash]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """An operator wallet that is not checked out, or a follower who is not copied, until the difference is accepted."""

    wallet: Address
    why: str
    since_us: int
