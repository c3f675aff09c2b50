"""Ends a market whose condition was resolved on chain: its orders are cancelled, and nobody places any more."""

from __future__ import annotations

from typing import Protocol

from remora.devnet.clob import refusals
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.house import House, Phase
from remora.devnet.clob.listings import Listing, Listings


class Crier(Protocol):
    """Who tells the public of markets that end."""

    def market_resolved(self, listing: Listing, winner: int | None) -> None: ...


class Resolutions:
    """Hears of conditions that the oracle resolved, of listed markets and others."""

    def __init__(self, *, listings: Listings, engine: Engine, house: House, crier: Crier) -> None:
        self._listings = listings
        self._engine = engine
        self._house = house
        self._crier = crier

    def condition_resolved(self, condition_id: str, payouts: tuple[int, ...]) -> None:
        """End the condition's market, if it is listed; the winner is the token that gets all, none in a draw."""
        try:
            listing = self._listings.of_condition(condition_id)
        except refusals.Refusal:
            return
        self._house.payouts[listing.market.condition_id] = payouts
        self._house.phases[listing.market.condition_id] = Phase.RESOLVED
        self._engine.close(listing)
        winners = [token for token, payout in zip(listing.tokens, payouts, strict=True) if payout == sum(payouts)]
        self._crier.market_resolved(listing, winners[0] if winners else None)
