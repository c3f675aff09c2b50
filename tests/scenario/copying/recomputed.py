"""What twenty policies should do with leaders' trades, computed anew from the manual's words in plain arithmetic.

Nothing of the decision is imported. Amounts are decimals of whole tokens. Books are so deep that a copy trades at the
leader's price; what the venue takes in hundredths or in cents is rounded here, and base units are left to the
comparison.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

HUNDREDTH, VENUE_MINIMUM, FEE_STEP = Decimal("0.01"), Decimal(1), Decimal("0.00001")
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A market as the venue tells it. `fee` is its rate r: a taker pays shares x r x p(1 - p)."""

    number: int
    slug: str
    question: str
    category: str
    tags: tuple[str, ...]
    neg_risk: bool
    fee: Decimal
    liquidity: Decimal
    volume: Decimal
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """A leader's trade as the venue told it; `held` is what the leader had of the token before."""

    leader: int
    token: str
    other: str
    market: Described
    is_yes: bool
    buys: bool
    shares: Decimal
    collateral: Decimal
    held: Decimal

    @property
    def price(self) -> Decimal:
        """The average price: that of the one level it traded with, on the tick."""
        return (self.collateral / self.shares).quantize(HUNDREDTH, ROUND_HALF_UP)

    def fee(self, shares: Decimal) -> Decimal:
        """What the venue takes for so many shares."""
        return shares * self.market.fee * self.price * (1 - self.price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What a copy should come to, the fee apart."""

    shares: Decimal
    collateral: Decimal
    fee: Decimal


@dataclass(slots=True, kw_only=True)
class Lot:
    """What is held of a token, and what it cost with the fee."""

    market: int
    shares: Decimal = NOTHING
    cost: Decimal = NOTHING


Size = Callable[[Traded], Decimal | str]
"""What an entry spends before any limit, or the reason against it."""

Refusal = Callable[[Traded], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A policy in plain words. The refusals are in the order in which they are told."""

    size: Size
    refusals: tuple[Refusal, ...] = ()
    highest: Decimal = Decimal("0.99")
    slippage: Decimal = Decimal("0.05")
    exit_slippage: Decimal = Decimal("0.05")
    minimum: Decimal = NOTHING
    maximum: Decimal = Decimal(10**9)
    accumulates: bool = False
    opposite: str = "allow"
    per_trade: Decimal | None = None
    per_market: Decimal | None = None
    per_leader: Decimal | None = None
    per_day: Decimal | None = None
    exposure: Decimal | None = None
    open_positions: int | None = None
    exits: str = "proportional"
    copies_sales: bool = True

    def limit(self, trade: Traded) -> Decimal:
        """Return the worst price of an entry."""
        return min(floor(trade.price * (1 + self.slippage), HUNDREDTH), self.highest)

    def without_one(self) -> Iterator[tuple[str, Rules]]:
        """Yield these rules with one of them left out, or with a size of a cent less."""
        yield "size", replace(self, size=_a_cent_less(self.size))
        for refusal in self.refusals:
            yield "a refusal", replace(self, refusals=tuple(each for each in self.refusals if each is not refusal))
        for each in fields(self):
            others = {"size", "refusals", "slippage", "exit_slippage", "highest"}  # prices bound, and are met by nobody
            if each.name not in others and getattr(self, each.name) != each.default:
                changes: dict[str, Any] = {each.name: each.default}
                yield each.name, replace(self, **changes)


@dataclass(slots=True, kw_only=True)
class Recomputed:
    """One policy's rules, what it holds, and what it kept of copies that were too small."""

    rules: Rules
    spent: Decimal = NOTHING
    lots: dict[str, Lot] = field(default_factory=dict)
    kept: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def held(self, token: str) -> Decimal:
        """Return the shares held of a token."""
        return self.lots[token].shares if token in self.lots else NOTHING

    def wanted(self, trade: Traded, held_elsewhere: Decimal) -> Decimal | str:
        """Return the size of an entry, or the reason against it; the other outcome is held through other leaders."""
        for refuses in self.rules.refusals:
            if refusal := refuses(trade):
                return refusal
        size = self.rules.size(trade)
        if isinstance(size, str):
            return size
        size = min(max(floor(size), self.rules.minimum) + self.kept[trade.token], self.rules.maximum)
        size = self._beside(held_elsewhere, size, self.rules.limit(trade))
        return size if isinstance(size, str) else self._within_limits(trade, size)

    def _beside(self, held: Decimal, size: Decimal, limit: Decimal) -> Decimal | str:
        """Mind the other outcome; less than the venue sells of it is nothing."""
        if self.rules.opposite == "allow" or held < HUNDREDTH:
            return size
        more = floor(size / limit) - held
        if self.rules.opposite == "refuse" or more <= 0:
            return "OPPOSITE_HELD"
        return floor(more * limit)

    def _within_limits(self, trade: Traded, size: Decimal) -> Decimal | str:
        """Return what limits leave beside the worst fee, that at a price of nothing."""
        rate, step = trade.market.fee, FEE_STEP if trade.market.fee else NOTHING
        left, tightest = min(self._left(trade), default=(Decimal(10**9), ""))
        if left >= size * (1 + rate) + step:
            return size
        cut = floor((left - step) / (1 + rate), HUNDREDTH)
        return cut if cut >= VENUE_MINIMUM else tightest

    def _left(self, trade: Traded) -> list[tuple[Decimal, str]]:
        """Return what each limit leaves."""
        held = sum((lot.cost for lot in self.lots.values()), NOTHING)
        here = sum((lot.cost for lot in self.lots.values() if lot.market == trade.market.number), NOTHING)
        amounts = (
            (self.rules.per_trade, NOTHING, "LIMIT_PER_TRADE"),
            (self.rules.per_market, here, "LIMIT_PER_MARKET"),
            (self.rules.per_leader, held, "LIMIT_PER_LEADER"),
            (self.rules.per_day, self.spent, "LIMIT_PER_DAY"),
            (self.rules.exposure, held, "LIMIT_EXPOSURE"),
        )
        left = [(limit - used, reason) for limit, used, reason in amounts if limit is not None]
        tokens = {token for token, lot in self.lots.items() if lot.shares >= HUNDREDTH}
        most = self.rules.open_positions
        if most is not None and trade.token not in tokens and len(tokens) >= most:
            left.append((NOTHING, "LIMIT_OPEN_POSITIONS"))
        return left

    def too_small(self, trade: Traded, size: Decimal) -> str:
        """Keep what is too little for the venue, if that is a rule."""
        if not self.rules.accumulates:
            return "BELOW_VENUE_MINIMUM"
        self.kept[trade.token] = size
        return "ACCUMULATED"

    def buy(self, trade: Traded, budget: Decimal) -> Copied:
        """Spend a budget, and the fee beside it."""
        self.kept[trade.token] = NOTHING
        shares = budget / trade.price
        fee = trade.fee(shares)
        lot = self.lots.setdefault(trade.token, Lot(market=trade.market.number))
        lot.shares += shares
        lot.cost += budget + fee
        self.spent += budget + fee
        return Copied(shares=shares, collateral=budget, fee=fee)

    def leaving(self, trade: Traded) -> Decimal | str:
        """Return the shares to sell, or why none."""
        self.kept[trade.token] = NOTHING
        held = self.held(trade.token)
        if not self.rules.copies_sales:
            return "SIDE"
        if not held:
            return "NO_POSITION"
        if self.rules.exits == "none":
            return "EXITS_OFF"
        sold = held if self.rules.exits == "all" else held * trade.shares / trade.held
        sold = held if held - sold < HUNDREDTH else sold
        return sold if sold >= HUNDREDTH else "BELOW_SMALLEST_SALE"

    def sell(self, trade: Traded, shares: Decimal) -> Copied:
        """Sell shares, and have the fee taken out of what they bring."""
        lot, fee = self.lots[trade.token], trade.fee(shares)
        lot.cost -= lot.cost * shares / lot.shares
        lot.shares -= shares
        if not lot.shares:
            del self.lots[trade.token]
        return Copied(shares=shares, collateral=shares * trade.price, fee=fee)


Key = tuple[str, int]
"""A policy: the name of its follower, and which leader it follows."""

Answers = Mapping[Key, "Copied | str"]


class Together:
    """All policies, since those that want the same share an order: it reaches the minimum, and sells hundredths."""

    def __init__(self, policies: Mapping[Key, Rules]) -> None:
        self.policies = {key: Recomputed(rules=rules) for key, rules in policies.items()}

    def follow(self, trade: Traded) -> Answers:
        """Return what becomes of a trade for each policy of its leader; and have what is held then."""
        keys = [key for key in self.policies if key[1] == trade.leader]
        if trade.buys:
            return self._entered(
                trade, {key: self.policies[key].wanted(trade, self._opposite(key, trade)) for key in keys}
            )
        return self._left(trade, {key: self.policies[key].leaving(trade) for key in keys})

    def _opposite(self, key: Key, trade: Traded) -> Decimal:
        name, leader = key
        return sum(
            (
                policy.held(trade.other)
                for (who, whom), policy in self.policies.items()
                if who == name and whom != leader
            ),
            NOTHING,
        )

    def _entered(self, trade: Traded, wanted: Answers | Mapping[Key, Decimal | str]) -> Answers:
        answers: dict[Key, Copied | str] = {key: each for key, each in wanted.items() if isinstance(each, str)}
        sizes = {key: each for key, each in wanted.items() if isinstance(each, Decimal)}
        for order in _alike(sizes, lambda key: self.policies[key].rules.limit(trade)):
            budgets = {key: floor(sizes[key], HUNDREDTH) for key in order}
            for key, budget in budgets.items():
                reached = sum(budgets.values()) >= VENUE_MINIMUM
                policy = self.policies[key]
                answers[key] = policy.buy(trade, budget) if reached else policy.too_small(trade, sizes[key])
        return answers

    def _left(self, trade: Traded, wanted: Mapping[Key, Decimal | str]) -> Answers:
        """Sell what an order's followers want in whole hundredths; each keeps its part of the rest."""
        answers: dict[Key, Copied | str] = {key: each for key, each in wanted.items() if isinstance(each, str)}
        shares = {key: each for key, each in wanted.items() if isinstance(each, Decimal)}
        for order in _alike(shares, lambda key: self.policies[key].rules.exit_slippage):
            total = sum((shares[key] for key in order), NOTHING)
            for key in order:
                part = shares[key] * floor(total, HUNDREDTH) / total
                answers[key] = self.policies[key].sell(trade, part)
        return answers


def _alike(keys: Iterable[Key], by: Callable[[Key], Decimal]) -> Iterable[Sequence[Key]]:
    orders: defaultdict[Decimal, list[Key]] = defaultdict(list)
    for key in keys:
        orders[by(key)].append(key)
    return orders.values()


def floor(amount: Decimal, step: Decimal = Decimal("0.000001")) -> Decimal:
    """Round down to a step, without one to base units."""
    return amount.quantize(step, ROUND_DOWN)


def fixed(amount: str) -> Size:
    """Spend the same every time."""
    return lambda _: Decimal(amount)


def part(factor: str) -> Size:
    """Spend a part of what the leader did."""
    return lambda trade: trade.collateral * Decimal(factor)


def tiers(*steps: tuple[str, str]) -> Size:
    """Spend the part that belongs to the highest step which the leader's trade reaches."""

    def size(trade: Traded) -> Decimal | str:
        reached = [Decimal(factor) for above, factor in steps if trade.collateral >= Decimal(above)]
        return trade.collateral * reached[-1] if reached else "BELOW_TIERS"

    return size


def _a_cent_less(size: Size) -> Size:
    def less(trade: Traded) -> Decimal | str:
        found = size(trade)
        return found if isinstance(found, str) else found - HUNDREDTH

    return less
