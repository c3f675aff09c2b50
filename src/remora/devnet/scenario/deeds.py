"""What a plan consists of: steps, each a deed at a time. Nothing in a deed depends on how fast it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from remora.devnet.scenario.format import EventEntry
from remora.devnet.traders.outcome import Outcome
from remora.domain.money import ONE, Collateral, Price, Shares, mul_div_ceil
from remora.domain.signal import Side

LEAST_PURCHASE = Collateral(ONE)
"""What takes from the book must be worth so much (polymarket.md 3.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A market's maker quotes around this middle of the YES book, and fills up what was taken."""

    market: str
    mid: Price

    def __str__(self) -> str:
        return f"{self.market} is quoted around {self.mid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A leader trades at exactly this price.

    A purchase names its shares, or with `spend` the collateral that it is for: then the shares are what that buys. One
    that `rests` is too small to take anything from the book: the leader bids, and the market maker sells to it.
    """

    leader: int
    market: str
    outcome: Outcome
    side: Side
    price: Price
    shares: Shares
    spend: Collateral | None = None
    rests: bool = False

    @property
    def least_gain(self) -> int:
        """The shares that it surely adds to what the leader holds, in base units; negative for a sale.

        What a sum of collateral buys is a little less where a bid for the other outcome is met: whoever makes a pair
        gets whole base units for whole base units.
        """
        if self.side is Side.SELL:
            return -self.shares.units
        lost = 0 if self.spend is None else mul_div_ceil(ONE, 1, min(self.price.units, ONE - self.price.units))
        return self.shares.units - lost

    def __str__(self) -> str:
        verb = "buys" if self.side is Side.BUY else "sells"
        return f"leader {self.leader} {verb} {self.shares} {self.outcome} of {self.market} at {self.price}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A leader turns pairs of both outcomes into collateral."""

    leader: int
    market: str
    shares: Shares

    def __str__(self) -> str:
        return f"leader {self.leader} merges {self.shares} pairs of {self.market}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem:
    """A leader turns what it holds of a resolved market into its payout."""

    leader: int
    market: str

    def __str__(self) -> str:
        return f"leader {self.leader} redeems what it holds of {self.market}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A timed event of the file."""

    event: EventEntry

    def __str__(self) -> str:
        event = self.event
        if event.resolve:
            return f"{event.resolve.market} is resolved: {event.resolve.outcome}"
        if event.faults:
            return f"faults: {', '.join(str(fault['fault']) for fault in event.faults)}"
        if event.open_market:
            return f"{' and '.join(event.open_market.terms())} opens"
        if event.move_time_ms:
            return f"the chain's time moves {event.move_time_ms // 1000} s ahead"
        return "all faults end"


Act: TypeAlias = Trade | Merge | Redeem
"""What a leader does."""

Deed: TypeAlias = Act | Quote | Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A deed, so many milliseconds of the script after its start."""

    at_ms: int
    deed: Deed
