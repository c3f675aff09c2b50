"""Laws of a decision and of an order's amounts: no bound is ever passed, and every policy gets exactly one answer."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from hypothesis import example, given
from hypothesis import strategies as st
from polymarket._internal.actions.orders.market import _compute_market_order_amounts

from remora.dispatch.decide import Facts, decide
from remora.dispatch.exits import exit_shares
from remora.dispatch.sizing import CENT, entry_budget, limit_price
from remora.domain.market import MarketInfo, Quote
from remora.domain.money import BPS, ONE, Collateral, Price, Shares, format_units
from remora.domain.order import Intent
from remora.domain.parties import Policy, Sizing
from remora.domain.signal import Side, Signal
from remora.execute.blocks import amounts
from tests.fakes.clock import START_US, US
from tests.fakes.specimens import block, follower, market, part, policy, signal

TICKS = ("0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001")

prices = st.integers(1, ONE - 1).map(Price)
odds = st.integers(1, ONE).map(Price)
amounts_of_collateral = st.integers(0, 10**12).map(Collateral)
amounts_of_shares = st.integers(0, 10**12).map(Shares)
markets = st.sampled_from(TICKS).map(market)


@st.composite
def trades(draw: st.DrawFn, side: Side | None = None) -> Signal:
    """Return a leader's trade at a price between 0 and 1."""
    shares = draw(st.integers(1, 10**12))
    collateral = draw(st.integers(1, shares))
    chosen = side or draw(st.sampled_from(Side))
    return signal(chosen, shares=Shares(shares), collateral=Collateral(collateral))


@st.composite
def policies(draw: st.DrawFn, number: int = 1) -> Policy:
    sizing = draw(st.sampled_from(Sizing))
    return replace(
        policy(number),
        sizing=sizing,
        fixed_amount=draw(amounts_of_collateral),
        percentage_bps=draw(st.integers(1, 1_000_000)),
        max_odds=draw(odds),
        min_size=draw(amounts_of_collateral),
        max_slippage_bps=draw(st.integers(0, BPS - 1)),
        max_signal_age_s=draw(st.integers(1, 3600)),
    )


@given(trade=trades(Side.BUY), rules=policies(), where=markets)
def test_a_buyers_limit_passes_neither_slippage_nor_odds_nor_the_last_tick(
    trade: Signal, rules: Policy, where: MarketInfo
) -> None:
    limit = limit_price(rules, trade, where)
    slipped = Fraction(trade.price.units * (BPS + rules.max_slippage_bps), BPS)
    bound = min(slipped, Fraction(rules.max_odds.units), Fraction(ONE - where.tick.units))
    assert limit.units <= bound
    assert limit.units % where.tick.units == 0
    assert bound - limit.units < where.tick.units  # nor does the tick eat more than it must


@given(trade=trades(Side.SELL), rules=policies(), where=markets)
def test_a_sellers_limit_passes_no_slippage(trade: Signal, rules: Policy, where: MarketInfo) -> None:
    limit = limit_price(rules, trade, where)
    slipped = Fraction(trade.price.units * (BPS - rules.max_slippage_bps), BPS)
    assert limit.units >= max(slipped, Fraction(where.tick.units))
    assert limit.units % where.tick.units == 0
    assert limit.units < max(slipped + where.tick.units, Fraction(2 * where.tick.units))


@given(trade=trades(), rules=policies())
def test_a_budget_is_whole_cents_and_no_more_than_the_rules_say(trade: Signal, rules: Policy) -> None:
    budget = entry_budget(rules, trade).units
    share = Fraction(trade.collateral.units * rules.percentage_bps, BPS)
    wanted = Fraction(rules.fixed_amount.units) if rules.sizing is Sizing.FIXED else share
    assert budget % CENT == 0
    assert wanted - CENT < budget <= wanted


@given(lot=amounts_of_shares, balance=amounts_of_shares, sold=amounts_of_shares, left=amounts_of_shares)
def test_an_exit_sells_the_leaders_fraction_and_no_more_than_there_is(
    lot: Shares, balance: Shares, sold: Shares, left: Shares
) -> None:
    exiting = exit_shares(lot=lot, balance=balance, sold=sold, left=left)
    assert Shares(0) <= exiting <= min(lot, balance)
    if sold and balance >= lot:
        exact = Fraction(lot.units * sold.units, sold.units + left.units)
        assert exact - 1 < exiting.units <= exact
        assert left or exiting == lot


@given(data=st.data(), trade=trades(), late_s=st.integers(-5, 700), found=st.one_of(st.none(), markets))
def test_every_policy_is_in_exactly_one_of_intents_and_denials(
    data: st.DataObject, trade: Signal, late_s: int, found: MarketInfo | None
) -> None:
    rules = [data.draw(policies(number)) for number in range(data.draw(st.integers(0, 4)))]
    best = st.one_of(st.none(), prices)
    facts = Facts(
        now_us=START_US + late_s * US,
        market=found,
        quote=data.draw(st.one_of(st.none(), st.builds(Quote, best_bid=best, best_ask=best))),
        debts=data.draw(st.dictionaries(st.sampled_from([follower(n) for n in range(4)]), amounts_of_collateral)),
        lots={each.policy_id: data.draw(amounts_of_shares) for each in rules},
        balances={each.follower: data.draw(amounts_of_shares) for each in rules},
        leader_left=data.draw(amounts_of_shares),
    )
    decision = decide(trade, rules, facts)
    decided = [intent.policy_id for intent in decision.intents] + [denial.policy_id for denial in decision.denials]
    assert sorted(decided) == sorted(each.policy_id for each in rules)
    for denial in decision.denials:
        assert denial.because.sentence().startswith(f"{denial.because.reason}: ")
    for intent in decision.intents:
        assert_within_bounds(intent, {each.policy_id: each for each in rules}[intent.policy_id], facts)


def assert_within_bounds(intent: Intent, rules: Policy, facts: Facts) -> None:
    assert facts.market is not None
    assert facts.quote is not None
    assert Price(0) < intent.limit < Price(ONE)
    if intent.side is Side.BUY:
        assert facts.quote.best_ask is not None
        assert facts.quote.best_ask <= intent.limit <= rules.max_odds
        assert intent.budget >= max(rules.min_size, Collateral(CENT))
        assert not intent.shares
        assert rules.follower not in facts.debts
    else:
        assert facts.quote.best_bid is not None
        assert facts.quote.best_bid >= intent.limit
        assert Shares(0) < intent.shares <= min(facts.lots[rules.policy_id], facts.balances[rules.follower])
        assert not intent.budget


@given(cents=st.integers(1, 10**8), tick=st.sampled_from(TICKS), data=st.data())
@example(cents=1, tick="0.0001", data=None)
def test_a_buys_amounts_are_those_of_the_official_sdk(cents: int, tick: str, data: st.DataObject | None) -> None:
    where = market(tick)
    steps = 1 if data is None else data.draw(st.integers(1, ONE // where.tick.units - 1))
    limit = Price(steps * where.tick.units)
    order = block(Side.BUY, str(limit), [part(1, budget=format_units(cents * CENT, 6))])
    making, taking = amounts(order, where)
    assert (making, taking) == sdk_amounts(making, limit, "BUY", tick)
    assert making == cents * CENT
    price = Fraction(making * ONE, taking)
    assert limit.units <= price < limit.units + where.tick.units  # hits who asks the limit, and nobody who asks more
    assert taking % where.amount_step == 0


@given(units=st.integers(CENT, 10**12), tick=st.sampled_from(TICKS), data=st.data())
def test_a_sales_amounts_are_those_of_the_official_sdk(units: int, tick: str, data: st.DataObject) -> None:
    where = market(tick)
    limit = Price(data.draw(st.integers(1, ONE // where.tick.units - 1)) * where.tick.units)
    order = block(Side.SELL, str(limit), [part(1, sold=format_units(units, 6))])
    making, taking = amounts(order, where)
    assert (making, taking) == sdk_amounts(units, limit, "SELL", tick)
    assert units - CENT < making <= units
    assert Fraction(taking, making) <= Fraction(limit.units, ONE)


def sdk_amounts(units: int, limit: Price, side: Literal["BUY", "SELL"], tick: str) -> tuple[int, int]:
    return _compute_market_order_amounts(
        amount=Decimal(format_units(units, 6)), price=Decimal(str(limit)), side=side, tick_size=Decimal(tick)
    )
