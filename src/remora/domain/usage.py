"""What limits have to go by: how much of each is used, by whom, at the moment of a decision.

Reserved is what entries under way may cost at most, fees included; it counts as used like what was paid. A scope is a
policy, a follower, a leader or the whole service; its subject is named as switches name theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from remora.domain.ids import Address, ConditionId, PolicyId, TokenId
from remora.domain.money import ZERO_COLLATERAL, Collateral, Price, Shares
from remora.domain.switches import Scope

Subject = tuple[Scope, str]
"""Whom a limit, a protection or a switch concerns."""

SERVICE: Subject = (Scope.SERVICE, "")

DAY_US = 86_400_000_000


def midnight_us(now_us: int) -> int:
    """Return when the day began, UTC."""
    return now_us // DAY_US * DAY_US


class Meter(StrEnum):
    """What must be known of a scope. Each costs a query, so only those that some limit needs are asked for."""

    HELD = "held"
    TOKENS = "tokens"
    SPENT = "spent"
    ENTRIES = "entries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """How much of its limits a scope has used, as of one entry.

    `held` is what was paid, fees included, for shares still held, at average cost, plus what is reserved; `in_market`
    and `through_leader` are the parts of it in the entry's market and through its leader. `spent_today` is what was
    decided since midnight, UTC, and paid or reserved. `tokens` are held or under way, `holds_token` tells whether the
    entry's is one of them. `entries` were decided within a minute.
    """

    held: Collateral = ZERO_COLLATERAL
    in_market: Collateral = ZERO_COLLATERAL
    through_leader: Collateral = ZERO_COLLATERAL
    spent_today: Collateral = ZERO_COLLATERAL
    tokens: int = 0
    holds_token: bool = False
    entries: int = 0


UNUSED = Used()

Usage = Mapping[Subject, Used]
"""Scopes that nothing is used of are left out."""


class UsageQuestion(NamedTuple):
    """What a decision must know: the meters of each kind of scope, as of an entry in a token through a leader.

    Of followers only `followers` are of interest. `means_as_of` is from when on what is settled may be missing in what
    is known of a payer's collateral; None where nothing is going to be paid.
    """

    leader: Address
    token_id: TokenId
    condition_id: ConditionId | None
    now_us: int
    meters: Mapping[Scope, frozenset[Meter]]
    followers: frozenset[Address]
    means_as_of: Mapping[Address, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What is taken already, as of the moment of a decision: of limits, and of what followers can pay.

    `promised` is what entries under way may still cost, fees included, and what was paid so lately that it may be
    missing in what is known of the collateral. `debts` are what followers owe for earlier copies.
    """

    usage: Usage = field(default_factory=dict)
    promised: Mapping[Address, Collateral] = field(default_factory=dict)
    debts: Mapping[Address, Collateral] = field(default_factory=dict)


class HeldToken(NamedTuple):
    """Shares that somebody holds through a policy: their token, and its market if that was known."""

    token_id: TokenId
    condition_id: ConditionId | None


SMALLEST_LOT = Shares(10_000)
"""Sizes have 2 decimals at the venue: what is left of a lot below 0.01 shares cannot be sold, and is no position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Shares that were bought through a policy and not sold yet, delivered or not, and what they cost with fees.

    `payout` is what a share of a resolved market pays, None while that is not known.
    """

    policy_id: PolicyId
    follower: Address
    leader: Address
    token_id: TokenId
    shares: Shares
    cost: Collateral
    resolved: bool = False
    payout: Price | None = None

    @property
    def is_sellable(self) -> bool:
        """Whether it is enough to sell, and its market still trades."""
        return not self.resolved and self.shares >= SMALLEST_LOT

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Whom it counts for."""
        return subjects(self.policy_id, self.follower, self.leader)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What exits of a scope brought beyond the average cost of what they sold, fees included.

    `losses_in_row` counts the latest exits that lost.
    """

    realised: Collateral = ZERO_COLLATERAL
    losses_in_row: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The result from which a protection counts, and since when."""

    result: Collateral = ZERO_COLLATERAL
    since_us: int = 0


def subjects(policy_id: PolicyId, follower: Address, leader: Address) -> tuple[Subject, ...]:
    """Return whom a copy counts for: its policy, follower and leader, and the service."""
    return (Scope.POLICY, policy_id), (Scope.FOLLOWER, follower), (Scope.LEADER, leader), SERVICE


def whom(subject: Subject) -> str:
    """Return the words for a subject: "follower 0x…", "the service"."""
    scope, name = subject
    return "the service" if scope is Scope.SERVICE else f"{scope} {name}"
