"""The closed list of reasons why a trade was not copied, or not in full. Each comes with facts and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why. The value is stable: it is stored, counted and shown."""

    MAX_ODDS = "MAX_ODDS"
    BELOW_MIN_SIZE = "BELOW_MIN_SIZE"
    PRICE_UNAVAILABLE = "PRICE_UNAVAILABLE"
    MARKET_UNKNOWN = "MARKET_UNKNOWN"
    SLIPPAGE = "SLIPPAGE"
    TOO_OLD = "TOO_OLD"
    IN_DEBT = "IN_DEBT"
    NO_POSITION = "NO_POSITION"
    NO_FLOAT = "NO_FLOAT"
    COLLECT_FAILED = "COLLECT_FAILED"
    VENUE_REJECTED = "VENUE_REJECTED"
    NOT_FILLED = "NOT_FILLED"
    EXPIRED = "EXPIRED"


SENTENCES: Mapping[Reason, str] = {
    Reason.MAX_ODDS: "price {price} is above the policy's {max_odds}",
    Reason.BELOW_MIN_SIZE: "size {size} is below the policy's {min_size}",
    Reason.PRICE_UNAVAILABLE: "the venue shows no price for token {token_id}",
    Reason.MARKET_UNKNOWN: "the venue does not know the market of token {token_id}",
    Reason.SLIPPAGE: "price {price} is beyond the limit {limit}",
    Reason.TOO_OLD: "the trade was {age_s} s old, the policy allows {max_age_s} s",
    Reason.IN_DEBT: "an earlier copy of {due} is not paid for",
    Reason.NO_POSITION: "the follower holds no shares of token {token_id}",
    Reason.NO_FLOAT: "no operator wallet has {needed} of free float",
    Reason.COLLECT_FAILED: "the follower's shares could not be collected: {detail}",
    Reason.VENUE_REJECTED: "the venue refused the order: {detail}",
    Reason.EXPIRED: "it was {late_s} s too late to send the order",
    Reason.NOT_FILLED: "nobody in the book would trade at {limit} or better",
}
"""A sentence for people; its braces are the reason's facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """A reason with the facts that make its sentence true, as texts."""

    reason: Reason
    facts: Mapping[str, str]

    def sentence(self) -> str:
        """Return the sentence for people: "MAX_ODDS: price 0.92 is above the policy's 0.85"."""
        return f"{self.reason}: {SENTENCES[self.reason].format_map(self.facts)}"


def because(reason: Reason, **facts: object) -> Because:
    """Make a reason from its facts; a sentence that lacks one raises KeyError here and not when it is read."""
    made = Because(reason=reason, facts={key: str(value) for key, value in facts.items()})
    made.sentence()
    return made
