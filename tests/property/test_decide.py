"""Laws of a decision: no bound is ever passed, every policy gets one answer, and no entry rule blocks an exit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from remora.dispatch.alike import FILTERS, Alike
from remora.dispatch.decide import decide
from remora.dispatch.exits import SMALLEST_SALE
from remora.dispatch.facts import Facts, Occasion, leaving, occasion
from remora.dispatch.limit import entry_limit, exit_limit
from remora.dispatch.limits import Room
from remora.dispatch.minimum import CENT, VENUE_MINIMUM
from remora.dispatch.sizing import MOST, entry_size
from remora.domain.ids import PolicyId
from remora.domain.market import Book, Level, MarketInfo
from remora.domain.means import Means, Membership
from remora.domain.money import BPS, ONE, Collateral, Price, Ratio, Shares
from remora.domain.order import Decision, Intent
from remora.domain.policy import Bounds, Exits, Filters, Limits, Policy, Rulebook, Sizing, SizingMode
from remora.domain.reasons import Because, Reason, because
from remora.domain.signal import Side, Signal, SignalKind
from remora.domain.usage import Taken
from tests.fakes.clock import START_US, US
from tests.fakes.rulebooks import sections
from tests.fakes.specimens import LEADER, book, follower, listing, market, policy, signal

TICKS = ("0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001")

prices = st.integers(1, ONE - 1).map(Price)
amounts_of_collateral = st.integers(0, 10**12).map(Collateral)
amounts_of_shares = st.integers(0, 10**12).map(Shares)
markets = st.sampled_from(TICKS).map(market)


@st.composite
def trades(draw: st.DrawFn, side: Side | None = None) -> Signal:
    """Return a leader's trade at a price between 0 and 1."""
    shares = draw(st.integers(1, 10**12))
    collateral = draw(st.integers(1, shares))
    chosen = side or draw(st.sampled_from(Side))
    kind = draw(st.sampled_from(SignalKind)) if chosen is Side.SELL else SignalKind.TRADE
    before = draw(st.none() | st.integers(shares, 2 * 10**12).map(Shares)) if chosen is Side.SELL else None
    return signal(chosen, shares=Shares(shares), collateral=Collateral(collateral), kind=kind, held_before=before)


@st.composite
def policies(draw: st.DrawFn, number: int = 1) -> Policy:
    kinds = (("sizing", Sizing), ("exits", Exits), ("filters", Filters))
    return replace(policy(number), **{name: draw(sections(kind)) for name, kind in kinds})


@st.composite
def facts(draw: st.DrawFn, rules: list[Policy]) -> Facts:
    """Return anything that can be known about a trade and those who follow it."""
    levels = st.lists(st.builds(Level, price=prices, shares=amounts_of_shares), max_size=1).map(tuple)
    whose, held = [each.follower for each in rules], st.none() | st.just(listing())
    some = st.dictionaries(st.sampled_from([*whose, LEADER]), amounts_of_collateral)
    return Facts(
        now_us=START_US + draw(st.integers(-5, 700)) * US,
        market=draw(st.none() | markets),
        book=draw(st.none() | st.builds(Book, bids=levels, asks=levels, as_of_us=st.just(START_US))),
        listing=draw(held),
        taken=Taken(promised=draw(st.just({}) | some), debts=draw(st.just({}) | some)),
        equity=draw(some),
        opposite=draw(st.none() | st.dictionaries(st.sampled_from([follower(1), LEADER]), amounts_of_shares)),
        carried={each.policy_id: draw(st.integers(0, ONE).map(Collateral)) for each in rules[:1]},
        followers_per_order=draw(st.integers(1, 3)),
        lots={each.policy_id: draw(amounts_of_shares) for each in rules},
        balances={each.follower: draw(amounts_of_shares) for each in rules},
        leader_left=draw(amounts_of_shares),
    )


@given(trade=trades(Side.BUY), rules=policies(), where=markets)
def test_a_buyers_limit_passes_neither_slippage_nor_odds_nor_the_last_tick(
    trade: Signal, rules: Policy, where: MarketInfo
) -> None:
    limit = entry_limit(rules.filters, trade.price, where)
    slipped = Fraction(trade.price.units * (BPS + rules.filters.max_slippage_bps), BPS)
    odds = Price(ONE) if rules.filters.max_odds is None else rules.filters.max_odds
    bound = min(slipped, Fraction(odds.units), Fraction(ONE - where.tick.units))
    assert limit.units <= bound
    assert limit.units % where.tick.units == 0
    assert bound - limit.units < where.tick.units  # nor does the tick eat more than it must


@given(trade=trades(Side.SELL), rules=policies(), where=markets)
def test_a_sellers_limit_passes_no_slippage(trade: Signal, rules: Policy, where: MarketInfo) -> None:
    limit = exit_limit(rules.exits, trade.price, where)
    slipped = Fraction(trade.price.units * (BPS - rules.exits.max_slippage_bps), BPS)
    assert limit.units >= max(slipped, Fraction(where.tick.units))
    assert limit.units % where.tick.units == 0
    assert limit.units < max(slipped + where.tick.units, Fraction(2 * where.tick.units))


@given(
    trade=trades(Side.BUY),
    sizing=sections(Sizing),
    equity=st.tuples(amounts_of_collateral, amounts_of_collateral),
    carried=amounts_of_collateral,
)
def test_a_size_is_the_nearest_to_the_rules_within_their_bounds(
    trade: Signal, sizing: Sizing, equity: tuple[Collateral, Collateral], carried: Collateral
) -> None:
    rules = policy(sizing=sizing)
    known = Facts(
        now_us=START_US,
        market=market(),
        book=book(),
        equity={rules.follower: equity[0], rules.leader: equity[1]},
        carried={rules.policy_id: carried},
    )
    seen = occasion(trade, known)
    assert isinstance(seen, Occasion)
    size = entry_size(rules, seen)
    wanted = plainly(sizing, trade, *equity)
    if wanted is None:
        assert isinstance(size, Because)
        return
    assert isinstance(size, Collateral)
    most = min(MOST, sizing.maximum.units) if sizing.maximum is not None else MOST
    least = sizing.minimum.units if sizing.minimum is not None else 0
    exact = min(max(wanted, Fraction(least)) + carried.units * sizing.accumulate, Fraction(most))
    assert exact - 1 < size.units <= exact


def plainly(sizing: Sizing, trade: Signal, own: Collateral, leaders: Collateral) -> Fraction | None:
    """Return what a sizing makes of a trade, exactly, None where it cannot say."""
    traded, factor = trade.collateral.units, Fraction(sizing.multiplier.units, ONE)
    match sizing.mode:
        case SizingMode.FIXED:
            assert sizing.amount is not None
            return Fraction(sizing.amount.units)
        case SizingMode.MULTIPLIER:
            return factor * traded
        case SizingMode.PROPORTIONAL:
            return Fraction(own.units, leaders.units) * traded * factor if own and leaders else None
        case SizingMode.TIERS:
            reached = [tier.multiplier.units for tier in sizing.tiers if tier.above.units <= traded]
            return Fraction(reached[-1], ONE) * traded if reached else None


@given(spent=st.integers(1, 10**12), paid=st.integers(10_000, ONE - 10_000), factor=st.integers(1, 10**9).map(Ratio))
def test_a_policy_with_nothing_else_set_copies_exactly_the_multiplier_in_whole_cents(
    spent: int, paid: int, factor: Ratio
) -> None:
    trade = signal(collateral=Collateral(spent), shares=Price(paid).shares_floor(Collateral(spent)) + Shares(1))
    rules = replace(policy(), sizing=Sizing(multiplier=factor))
    known = Facts(now_us=START_US, market=market("0.0001"), book=book(bid=None, ask="0.0001"))
    budgets = [intent.budget.units for intent in decide(trade, [rules], known).intents]
    exact = Fraction(spent * factor.units, ONE)
    assert budgets == [exact // CENT * CENT] or (budgets == [] and exact < VENUE_MINIMUM.units)


@given(data=st.data(), trade=trades(Side.BUY), several=st.lists(sections(Filters), min_size=1, max_size=4))
def test_asking_only_filters_that_say_something_answers_as_asking_all(
    data: st.DataObject, trade: Signal, several: list[Filters]
) -> None:
    known = data.draw(facts([policy()]))._replace(market=data.draw(markets), book=book())
    seen = occasion(trade, known)
    assert isinstance(seen, Occasion)
    alike = Alike(seen)
    for filters in several:
        refusals = (refusal for refuses, _ in FILTERS if (refusal := refuses(filters, seen)))
        limit = entry_limit(filters, trade.price, seen.market)
        beyond = because(Reason.SLIPPAGE, price=seen.ask, limit=limit) if seen.ask > limit else limit
        assert alike.limit(filters) == next(refusals, beyond)


@given(data=st.data(), trade=trades())
def test_every_policy_gets_one_answer_within_its_bounds(data: st.DataObject, trade: Signal) -> None:
    rules = [data.draw(policies(number)) for number in range(1, data.draw(st.integers(1, 4)))]
    known = data.draw(facts(rules or [policy()]))
    decision = decide(trade, rules, known)
    answers = [each.policy_id for each in decision.intents] + [each.policy_id for each in decision.denials]
    assert sorted(answers) == sorted(each.policy_id for each in rules)
    for denial in decision.denials:
        assert denial.because.sentence().startswith(f"{denial.because.reason}: ")
    of = {each.policy_id: each for each in rules}
    for intent in decision.intents:
        assert_within_bounds(intent, of[intent.policy_id], trade, known)
    assert_carried(decision, of, known)


def assert_within_bounds(intent: Intent, rules: Policy, trade: Signal, known: Facts) -> None:
    assert known.market is not None
    assert known.book is not None
    assert Price(0) < intent.limit < Price(ONE)
    if intent.side is Side.BUY:
        assert_entry(intent, rules, trade, known.book)
        assert rules.follower not in known.taken.debts
    else:
        assert known.book.best_bid is not None
        assert known.book.best_bid >= intent.limit
        lot, balance = known.lots[rules.policy_id], known.balances[rules.follower]
        assert SMALLEST_SALE <= intent.shares <= min(lot, balance)
        assert not intent.budget


def assert_entry(intent: Intent, rules: Policy, trade: Signal, best: Book) -> None:
    assert best.best_ask is not None
    assert best.best_ask <= intent.limit
    assert intent.limit.units * BPS <= trade.price.units * (BPS + rules.filters.max_slippage_bps)
    assert rules.filters.max_odds is None or intent.limit <= rules.filters.max_odds
    assert rules.sizing.maximum is None or intent.budget <= rules.sizing.maximum
    assert intent.budget.units % CENT == 0
    assert intent.budget > Collateral(0)
    assert not intent.shares


def assert_carried(decision: Decision, of: Mapping[PolicyId, Policy], known: Facts) -> None:
    """Only who accumulates keeps anything, and less than the venue takes; whoever bought keeps nothing."""
    for policy_id, kept in decision.carried.items():
        assert policy_id in known.carried or of[policy_id].sizing.accumulate
        assert kept.units // CENT * CENT < VENUE_MINIMUM.units
        most = of[policy_id].sizing.maximum
        assert not kept or most is None or kept <= most
    for intent in decision.intents:
        assert not decision.carried.get(intent.policy_id)


@given(data=st.data(), trade=trades(Side.BUY), rules=policies(), limits=sections(Limits))
def test_each_cut_leaves_less_and_the_last_is_what_is_spent(
    data: st.DataObject, trade: Signal, rules: Policy, limits: Limits
) -> None:
    rules = replace(rules, filters=Filters(opposite=rules.filters.opposite))
    has, allows, left = (data.draw(amounts_of_collateral) for _ in range(3))
    member = Membership(daily_limit=left, spent_today=Collateral(0), expires_s=2**40, paused=False)
    means = Means(collateral=has, allowance=allows, membership=member)
    known = data.draw(facts([rules]))._replace(
        now_us=START_US,
        market=market(),
        book=book(bid=None, ask="0.01"),
        taken=Taken(),
        means={rules.follower: means},
        room=Room(Rulebook(service=Bounds(limits=limits)), {}),
    )
    decision = decide(trade, [rules], known)
    for intent in decision.intents:
        sized = decision.sized[intent.policy_id]
        sizes = [Collateral.parse(sized.facts["wanted"]), *(cut.left for cut in sized.cuts)]
        assert all(less < more for more, less in pairwise(sizes))
        assert intent.budget.units == sizes[-1].units // CENT * CENT


@given(data=st.data(), trade=trades(Side.SELL), rules=policies())
def test_an_entry_rule_never_blocks_an_exit(data: st.DataObject, trade: Signal, rules: Policy) -> None:
    """Whatever is set for entries, an exit is decided as if nothing was; the sides say that they bind both."""
    known = data.draw(facts([rules]))
    bare = replace(rules, sizing=Sizing(), filters=Filters(sides=rules.filters.sides))
    assert decide(trade, [rules], known) == decide(trade, [bare], known)


@given(data=st.data(), trade=trades(Side.SELL))
def test_what_is_exited_is_the_leaders_fraction(data: st.DataObject, trade: Signal) -> None:
    rules = policy()
    known = data.draw(facts([rules]))._replace(market=market(), book=book())
    lot, balance = known.lots[rules.policy_id], known.balances[rules.follower]
    seen = leaving(trade, known)
    for intent in decide(trade, [rules], known).intents:
        exact = Fraction(lot.units * seen.gone.units, seen.before.units)
        assert intent.shares <= balance
        assert intent.shares.units <= exact or lot.units - exact < SMALLEST_SALE.units + 1
        assert balance < lot or intent.shares.units > exact - 1
