"""Laws of the books over an order's whole life: every posting balances, and collected + owed + dust = due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from remora.domain import ledger
from remora.domain.ids import Address, OrderHash, TxHash
from remora.domain.ledger import Posting, balances, check
from remora.domain.money import ONE, Collateral, Price, Shares
from remora.domain.order import Leg, LegFailure, LegOutcome, LegState
from remora.domain.records import DebtSide, Filled, LegEffect
from remora.domain.signal import Side
from remora.execute.lifecycle import Ending, end, fill_posting
from remora.recover.policy import divide
from remora.settle.accounting import effects
from tests.fakes.specimens import TOKEN, block, fill, open_order, part, wallet

TX = TxHash("0x" + 64 * "7")
ORDER = OrderHash("0x" + 64 * "b")
REFUSALS = [failure for failure in LegFailure if failure not in {LegFailure.NONE, LegFailure.ALREADY_SETTLED}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A block order, what it filled in blocks, and how the chain answered to each leg."""

    side: Side
    fills: Sequence[Filled]
    ending: Ending
    answers: Sequence[LegFailure]

    @property
    def filled(self) -> Filled:
        return Filled(
            shares=Shares(sum(each.shares.units for each in self.fills)),
            collateral=Collateral(sum(each.collateral.units for each in self.fills)),
            fee=Collateral(sum(each.fee.units for each in self.fills)),
        )

    def fill_postings(self) -> list[Posting]:
        return [
            fill_posting(
                fill(ORDER, self.side, number=number, shares=each.shares, collateral=each.collateral, fee=each.fee)
            )
            for number, each in enumerate(self.fills)
        ]

    def effects(self) -> list[LegEffect]:
        return effects(self.ending.legs, map(outcome, self.ending.legs, self.answers))


def outcome(leg: Leg, failure: LegFailure) -> LegOutcome:
    settled = failure in {LegFailure.NONE, LegFailure.ALREADY_SETTLED}
    return LegOutcome(settlement_id=leg.settlement_id, settled=settled, failure=failure, tx_hash=TX)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    side = draw(st.sampled_from(Side))
    asked = draw(st.lists(st.integers(10_000, 10**9), min_size=1, max_size=6))
    parts = [
        part(number, budget=str(Collateral(units)) if side is Side.BUY else "0",
             sold=str(Shares(units)) if side is Side.SELL else "0")
        for number, units in enumerate(asked)
    ]  # fmt: skip
    limit = draw(st.integers(1_000, ONE - 1_000).map(Price))
    fills = [
        draw(_fill(side, limit, sum(asked) // 3, shares_given=sum(asked) // 3)) for _ in range(draw(st.integers(0, 3)))
    ]
    order = open_order(block(side, str(limit), parts))
    whole = Life(side=side, fills=fills, ending=Ending(allocations=(), failures={}, legs=(), postings=()), answers=())
    ending = end(order, whole.filled)
    answer = st.sampled_from([LegFailure.NONE, LegFailure.NONE, LegFailure.ALREADY_SETTLED, *REFUSALS])
    answers = draw(st.lists(answer, min_size=len(ending.legs), max_size=len(ending.legs)))
    return Life(side=side, fills=fills, ending=ending, answers=answers)


@st.composite
def _fill(draw: st.DrawFn, side: Side, limit: Price, spent_at_most: int, *, shares_given: int) -> Filled:
    """Fill a third of the order at most: a BUY at the limit or below, a SELL at the limit or above."""
    if side is Side.BUY:
        collateral = draw(st.integers(1, spent_at_most))
        shares = -(-collateral * ONE // draw(st.integers(1_000, limit.units)))
    else:
        shares = draw(st.integers(1, shares_given))
        collateral = shares * draw(st.integers(limit.units, ONE)) // ONE
    fee = draw(st.integers(0, collateral // 10))
    return Filled(shares=Shares(shares), collateral=Collateral(collateral), fee=Collateral(fee))


@given(life=lives())
def test_every_posting_balances(life: Life) -> None:
    leg_postings = [effect.posting for effect in life.effects() if effect.posting]
    for posting in [*life.fill_postings(), *life.ending.postings, *leg_postings]:
        assert check(posting) is posting


@given(life=lives())
def test_collected_and_owed_and_dust_are_what_is_due(life: Life) -> None:
    written = [*life.ending.postings, *(effect.posting for effect in life.effects() if effect.posting)]
    books = balances(chain.from_iterable(posting.entries for posting in written))
    claims, source = (ledger.RECEIVABLE, ledger.SPENT) if life.side is Side.BUY else (ledger.PAYABLE, ledger.EARNED)
    due = -books.get((source, claims), 0)
    collected = books.get((ledger.PAID, claims), 0)
    dust = books.get((ledger.DUST, claims), 0)
    owed = sum(units for (account, asset), units in books.items() if asset == claims and account.startswith("follower"))
    fee = life.filled.fee.units if life.side is Side.BUY else -life.filled.fee.units
    assert due == life.filled.collateral.units + fee
    assert collected + owed + dust == due
    assert dust >= 0
    assert owed == sum(effect.debt.due.units for effect in life.effects() if effect.debt)


@given(life=lives(), means=st.integers(0, 10**9).map(Collateral), gives_up=st.booleans())
def test_collected_and_owed_and_written_off_and_dust_are_what_is_due(
    life: Life, means: Collateral, *, gives_up: bool
) -> None:
    """Every debt of a follower is paid in part if `means` allows, and the rest written off or not."""
    written = [*life.ending.postings, *(effect.posting for effect in life.effects() if effect.posting)]
    given_up = 0
    for owed in (effect.debt for effect in life.effects() if effect.debt and effect.debt.side is DebtSide.FOLLOWER):
        part, rest = divide(owed.leg, means) or (None, owed.leg)
        paid = [] if part is None else effects([part], [outcome(part, LegFailure.NONE)])
        written += [effect.posting for effect in paid if effect.posting]
        if gives_up:
            written.append(ledger.write_off(owed.leg.settlement_id, rest.follower, rest.collateral))
            given_up += rest.collateral.units
    books = balances(chain.from_iterable(check(posting).entries for posting in written))
    receivable = {account: units for (account, asset), units in books.items() if asset == ledger.RECEIVABLE}
    owing = sum(units for account, units in receivable.items() if account.startswith("follower"))
    collected, dust = receivable.get(ledger.PAID, 0), receivable.get(ledger.DUST, 0)
    assert receivable.get(ledger.WRITTEN_OFF, 0) == given_up
    assert collected + owing + given_up + dust == -receivable.get(ledger.SPENT, 0)
    assert not (gives_up and owing)


@given(life=lives())
def test_a_debt_is_owed_once_by_the_one_who_has_to_pay(life: Life) -> None:
    expected = DebtSide.FOLLOWER if life.side is Side.BUY else DebtSide.OPERATOR
    for leg, answer, effect in zip(life.ending.legs, life.answers, life.effects(), strict=True):
        refused = answer in REFUSALS
        assert effect.settlement_id == leg.settlement_id
        assert (effect.leg_state is LegState.FAILED) is refused
        assert (effect.debt is not None) is refused
        assert (effect.posting is None) is refused
        if effect.debt:
            assert (effect.debt.side, effect.debt.due, effect.debt.leg) == (expected, leg.collateral, leg)


@given(life=lives())
def test_settling_later_leaves_what_settling_at_once_leaves(life: Life) -> None:
    """A debt that is collected later, or a replay, posts what the leg would have posted."""
    at_once = effects(life.ending.legs, [outcome(leg, LegFailure.NONE) for leg in life.ending.legs])
    owed = [effect.debt.leg for effect in life.effects() if effect.debt]
    later = effects(owed, [outcome(leg, LegFailure.NONE) for leg in owed])
    settled = [effect for effect in life.effects() if effect.posting]
    assert sorted(str(e.posting) for e in [*settled, *later]) == sorted(str(e.posting) for e in at_once)


@given(life=lives())
def test_when_all_is_settled_the_operator_has_neither_gained_nor_lost_but_dust(life: Life) -> None:
    at_once = effects(life.ending.legs, [outcome(leg, LegFailure.NONE) for leg in life.ending.legs])
    postings = [*life.fill_postings(), *(effect.posting for effect in at_once if effect.posting)]
    if life.side is Side.SELL:
        postings.append(_collection(wallet(1), sum((leg.shares + leg.returned).units for leg in life.ending.legs)))
    books = balances(chain.from_iterable(posting.entries for posting in postings))
    claims = balances(chain.from_iterable(posting.entries for posting in life.ending.postings))
    asset = ledger.RECEIVABLE if life.side is Side.BUY else ledger.PAYABLE
    dust = claims.get((ledger.DUST, asset), 0)
    operator = ledger.operator_account(wallet(1))
    assert books.get((operator, ledger.COLLATERAL), 0) == (-dust if life.side is Side.BUY else dust)
    assert books.get((operator, str(TOKEN)), 0) == 0


def _collection(operator: Address, units: int) -> Posting:
    entries = ledger.transfer("followers", ledger.operator_account(operator), str(TOKEN), units)
    return Posting(posting_id="collection", entries=entries)
