"""The closed list of reasons why a trade was not copied, or not in full. Each comes with facts and a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from string import Formatter


class Reason(StrEnum):
    """Why. The value is stable: it is stored, counted and shown."""

    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    PANIC = "PANIC"
    STOP_LOSS = "STOP_LOSS"
    TAKE_PROFIT = "TAKE_PROFIT"
    DAILY_LOSS = "DAILY_LOSS"
    LOSSES_IN_ROW = "LOSSES_IN_ROW"
    STALE_BOOK = "STALE_BOOK"
    DEPEGGED = "DEPEGGED"
    PEG_UNKNOWN = "PEG_UNKNOWN"
    LIMIT_PER_TRADE = "LIMIT_PER_TRADE"
    LIMIT_PER_MARKET = "LIMIT_PER_MARKET"
    LIMIT_PER_LEADER = "LIMIT_PER_LEADER"
    LIMIT_PER_DAY = "LIMIT_PER_DAY"
    LIMIT_EXPOSURE = "LIMIT_EXPOSURE"
    LIMIT_OPEN_POSITIONS = "LIMIT_OPEN_POSITIONS"
    LIMIT_ORDERS_PER_MINUTE = "LIMIT_ORDERS_PER_MINUTE"
    MARKET_UNKNOWN = "MARKET_UNKNOWN"
    PRICE_UNAVAILABLE = "PRICE_UNAVAILABLE"
    SIDE = "SIDE"
    TOO_OLD = "TOO_OLD"
    IN_DEBT = "IN_DEBT"
    SUSPENDED = "SUSPENDED"
    NOT_JOINED = "NOT_JOINED"
    MEMBERSHIP_EXPIRED = "MEMBERSHIP_EXPIRED"
    MEMBERSHIP_PAUSED = "MEMBERSHIP_PAUSED"
    MEMBERSHIP_LIMIT = "MEMBERSHIP_LIMIT"
    INSUFFICIENT_COLLATERAL = "INSUFFICIENT_COLLATERAL"
    INSUFFICIENT_ALLOWANCE = "INSUFFICIENT_ALLOWANCE"
    MEANS_UNKNOWN = "MEANS_UNKNOWN"
    COLLATERAL_PAUSED = "COLLATERAL_PAUSED"
    MIN_LEADER_TRADE = "MIN_LEADER_TRADE"
    MIN_ODDS = "MIN_ODDS"
    MAX_ODDS = "MAX_ODDS"
    SLIPPAGE = "SLIPPAGE"
    NEG_RISK = "NEG_RISK"
    MAX_SPREAD = "MAX_SPREAD"
    MIN_LIQUIDITY = "MIN_LIQUIDITY"
    MIN_VOLUME = "MIN_VOLUME"
    ENDS_TOO_SOON = "ENDS_TOO_SOON"
    ENDS_TOO_LATE = "ENDS_TOO_LATE"
    NOT_ALLOWED = "NOT_ALLOWED"
    REFUSED_WORD = "REFUSED_WORD"
    FACT_UNKNOWN = "FACT_UNKNOWN"
    OPPOSITE_HELD = "OPPOSITE_HELD"
    EQUITY_UNKNOWN = "EQUITY_UNKNOWN"
    BELOW_TIERS = "BELOW_TIERS"
    DEPTH = "DEPTH"
    BELOW_VENUE_MINIMUM = "BELOW_VENUE_MINIMUM"
    ACCUMULATED = "ACCUMULATED"
    EXITS_OFF = "EXITS_OFF"
    EXIT_KIND_NOT_FOLLOWED = "EXIT_KIND_NOT_FOLLOWED"
    NO_POSITION = "NO_POSITION"
    BELOW_SMALLEST_SALE = "BELOW_SMALLEST_SALE"
    NO_FLOAT = "NO_FLOAT"
    OVERLOADED = "OVERLOADED"
    COLLECT_FAILED = "COLLECT_FAILED"
    VENUE_REJECTED = "VENUE_REJECTED"
    OPERATOR_SHORT = "OPERATOR_SHORT"
    ACCOUNT_REFUSED = "ACCOUNT_REFUSED"
    TICK_CHANGED = "TICK_CHANGED"
    ORDER_TOO_SMALL = "ORDER_TOO_SMALL"
    ORDER_INVALID = "ORDER_INVALID"
    MARKET_CLOSED = "MARKET_CLOSED"
    VENUE_CLOSED = "VENUE_CLOSED"
    NOT_FILLED_WHOLE = "NOT_FILLED_WHOLE"
    NOT_FILLED = "NOT_FILLED"
    MATCH_REVERTED = "MATCH_REVERTED"
    EXPIRED = "EXPIRED"
    WRITTEN_OFF = "WRITTEN_OFF"
    SHARES_SOLD = "SHARES_SOLD"


SENTENCES: Mapping[Reason, str] = {
    Reason.PAUSED: "entries are paused for {whom}, {why}; exits are followed",
    Reason.STOPPED: "everything is stopped for {whom}, {why}",
    Reason.PANIC: "all that is held is being sold for {whom}, {why}",
    Reason.STOP_LOSS: "{whom} lost {loss}, {unpriced} unpriced tokens at cost; {limit} or more sells everything",
    Reason.TAKE_PROFIT: "{whom} gained {gain}, {unpriced} unpriced tokens at cost; {limit} or more sells everything",
    Reason.DAILY_LOSS: "{whom} lost {loss} today, {unpriced} unpriced tokens at cost; {limit} or more pauses entries",
    Reason.LOSSES_IN_ROW: "{whom} lost {losses} times in a row, {limit} pause entries for {cool_down_s} s",
    Reason.STALE_BOOK: "the order book is {age_s} s old, {max_age_s} s are allowed",
    Reason.PEG_UNKNOWN: "nobody tells what the collateral is worth, which a protection asks for",
    Reason.DEPEGGED: "the collateral is at {price}, {max_depeg_bps} bps from 1 are allowed",
    Reason.LIMIT_PER_TRADE: "{whom} may spend {limit} per trade",
    Reason.LIMIT_PER_MARKET: "{whom} holds {used} in this market, the limit is {limit}",
    Reason.LIMIT_PER_LEADER: "{whom} holds {used} through this leader, the limit is {limit}",
    Reason.LIMIT_PER_DAY: "{whom} spent {used} today, the limit is {limit}",
    Reason.LIMIT_EXPOSURE: "{whom} holds {used} in all, the limit is {limit}",
    Reason.LIMIT_OPEN_POSITIONS: "{whom} holds {used} tokens, the limit is {limit}",
    Reason.LIMIT_ORDERS_PER_MINUTE: "{whom} entered {used} times within a minute, the limit is {limit}",
    Reason.MARKET_UNKNOWN: "the venue does not know the market of token {token_id}",
    Reason.PRICE_UNAVAILABLE: "the venue shows no price for token {token_id}",
    Reason.SIDE: "the leader's trade is a {side}, and the policy copies {sides}",
    Reason.TOO_OLD: "the trade was {age_s} s old, the policy allows {max_age_s} s",
    Reason.IN_DEBT: "an earlier copy of {due} is not paid for",
    Reason.SUSPENDED: "the follower's wallet does not add up: {why}",
    Reason.NOT_JOINED: "the follower has not joined the Clearinghouse, or left it",
    Reason.MEMBERSHIP_EXPIRED: "the follower's membership of the Clearinghouse ended {late_s} s ago",
    Reason.MEMBERSHIP_PAUSED: "the follower paused the membership of the Clearinghouse",
    Reason.MEMBERSHIP_LIMIT: "{has} of the Clearinghouse's daily limit is left, {promised} is promised or owed",
    Reason.INSUFFICIENT_COLLATERAL: "the follower has {has} of collateral, {promised} is promised or owed",
    Reason.INSUFFICIENT_ALLOWANCE: "the Clearinghouse may take {has} from the follower, {promised} is promised or owed",
    Reason.MEANS_UNKNOWN: "no node could tell what the follower can pay",
    Reason.COLLATERAL_PAUSED: "the collateral is paused, so nothing could be delivered",
    Reason.MIN_LEADER_TRADE: "the leader's trade of {traded} is below the policy's {least}",
    Reason.MIN_ODDS: "price {price} is below the policy's {min_odds}",
    Reason.MAX_ODDS: "price {price} is above the policy's {max_odds}",
    Reason.SLIPPAGE: "price {price} is beyond the limit {limit}",
    Reason.NEG_RISK: "the market's neg-risk is {neg_risk}, and the policy copies {allowed} of such markets",
    Reason.MAX_SPREAD: "the spread of {spread} is above the policy's {max_spread}",
    Reason.MIN_LIQUIDITY: "the market's liquidity of {liquidity} is below the policy's {least}",
    Reason.MIN_VOLUME: "the market's 24 h volume of {volume} is below the policy's {least}",
    Reason.ENDS_TOO_SOON: "the market ends in {days} days, the policy wants {least} at least",
    Reason.ENDS_TOO_LATE: "the market ends in {days} days, the policy wants {most} at most",
    Reason.NOT_ALLOWED: "the market's {what} is none of those that the policy allows: {allowed}",
    Reason.REFUSED_WORD: "the market's {what} has {found}, which the policy refuses",
    Reason.FACT_UNKNOWN: "the venue does not tell the market's {what}, which the policy asks for",
    Reason.OPPOSITE_HELD: "the follower holds {held} shares of the other outcome through another leader",
    Reason.EQUITY_UNKNOWN: "the equity of {wallet} is not known, or nothing",
    Reason.BELOW_TIERS: "the leader's trade of {traded} is below the policy's lowest tier, {lowest}",
    Reason.DEPTH: "the book offers {offered} within the limit {limit}, the policy wants {wanted}",
    Reason.BELOW_VENUE_MINIMUM: "size {size} is below the venue's {minimum}",
    Reason.ACCUMULATED: "{total} is kept until it reaches the venue's {minimum}",
    Reason.EXITS_OFF: "the policy keeps its {lot} shares whatever the leader does",
    Reason.EXIT_KIND_NOT_FOLLOWED: "the leader's shares left by a {kind}, which is not followed",
    Reason.NO_POSITION: "the follower holds no shares of token {token_id}",
    Reason.BELOW_SMALLEST_SALE: "{shares} shares are fewer than the venue's smallest sale of {smallest}",
    Reason.NO_FLOAT: "no operator wallet has {needed} of free float",
    Reason.OVERLOADED: "every operator wallet was busy until it was {late_s} s too late",
    Reason.COLLECT_FAILED: "the follower's shares could not be collected: {detail}",
    Reason.VENUE_REJECTED: "the venue refused the order: {detail}",
    Reason.OPERATOR_SHORT: "the operator wallet's balance or allowance did not cover the order: {detail}",
    Reason.ACCOUNT_REFUSED: "the venue takes no orders from the operator wallet: {detail}",
    Reason.TICK_CHANGED: "the limit is not a price of the market's tick: {detail}",
    Reason.ORDER_TOO_SMALL: "the venue takes no order so small: {detail}",
    Reason.ORDER_INVALID: "the order is not as the venue wants it: {detail}",
    Reason.MARKET_CLOSED: "the market takes no orders: {detail}",
    Reason.VENUE_CLOSED: "the venue takes no orders: {detail}",
    Reason.NOT_FILLED_WHOLE: "the book would not trade all of it at {limit} or better",
    Reason.EXPIRED: "it was {late_s} s too late to send the order",
    Reason.WRITTEN_OFF: "{amount} of it was never paid and is written off: {why}",
    Reason.SHARES_SOLD: "it was not paid for: its shares were sold for {sold} of the debt, {amount} is written off",
    Reason.NOT_FILLED: "nobody in the book would trade at {limit} or better",
    Reason.MATCH_REVERTED: "the venue matched {shares} shares, and the chain did not carry it out",
}
"""A sentence for people; its braces are the reason's facts."""

_FACTS = {
    reason: frozenset(name for _, name, _, _ in Formatter().parse(SENTENCES[reason]) if name) for reason in Reason
}


class _Texts(Mapping[str, str]):
    """Facts that become texts when they are read: of thousands of denials, few ever are."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return str(self._values[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(dict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """A reason with the facts that make its sentence true, as texts."""

    reason: Reason
    facts: Mapping[str, str]

    def sentence(self) -> str:
        """Return the sentence for people: "MAX_ODDS: price 0.92 is above the policy's 0.85"."""
        return f"{self.reason}: {SENTENCES[self.reason].format_map(self.facts)}"


def because(reason: Reason, **facts: object) -> Because:
    """Make a reason from its facts; one that the sentence needs and lacks raises KeyError here, not when it is read."""
    if not facts.keys() >= _FACTS[reason]:
        raise KeyError(*sorted(_FACTS[reason] - facts.keys()))
    return Because(reason=reason, facts=_Texts(facts))
