"""The two outcomes of a binary market, as traders name them."""

from __future__ import annotations

from enum import StrEnum

from remora.devnet.endpoints import Market
from remora.domain.ids import TokenId
from remora.domain.money import Price


class Outcome(StrEnum):
    """One of the two things that a binary market is about."""

    YES = "YES"
    NO = "NO"

    def token_of(self, market: Market) -> TokenId:
        """Return the token id of this outcome's shares."""
        return TokenId(market.yes_token_id if self is Outcome.YES else market.no_token_id)

    def price_at(self, yes_price: Price) -> Price:
        """Return what this outcome costs when YES costs `yes_price`."""
        return yes_price if self is Outcome.YES else yes_price.complement()
