"""An order's fill and its end: who gets what, who gets nothing and why, and what the books say."""

from __future__ import annotations

import pytest

from remora.domain import ledger
from remora.domain.ids import IntentId, OrderHash, settlement_id
from remora.domain.ledger import balances
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES
from remora.domain.order import BlockOrder, SettlementStep
from remora.domain.reasons import Reason, because
from remora.domain.records import Filled
from remora.domain.signal import Side
from remora.execute.lifecycle import end, fill_posting, give_back, is_complete
from tests.fakes.specimens import (
    TOKEN,
    block,
    collateral,
    fill,
    follower,
    intent,
    leg,
    open_order,
    part,
    shares,
    wallet,
)

ORDER = OrderHash("0x" + 64 * "b")
OPERATOR = ledger.operator_account(wallet(1))
NOTHING = Filled(shares=ZERO_SHARES, collateral=ZERO_COLLATERAL, fee=ZERO_COLLATERAL)


def filled(sold: str, paid: str, fee: str = "0") -> Filled:
    return Filled(shares=shares(sold), collateral=collateral(paid), fee=collateral(fee))


def purchase() -> BlockOrder:
    return block(Side.BUY, "0.5", [part(1, budget="10"), part(2, budget="30")])


def sale() -> BlockOrder:
    return block(Side.SELL, "0.5", [part(1, sold="10"), part(2, sold="30")])


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        # 20 shares for 10, and a fee of 0.1 that the buyer pays on top and the seller out of the proceeds
        (
            Side.BUY,
            {
                (OPERATOR, ledger.COLLATERAL): -10_100_000,
                (ledger.VENUE, ledger.COLLATERAL): 10_000_000,
                (ledger.FEES, ledger.COLLATERAL): 100_000,
                (OPERATOR, str(TOKEN)): 20_000_000,
                (ledger.VENUE, str(TOKEN)): -20_000_000,
            },
        ),
        (
            Side.SELL,
            {
                (OPERATOR, ledger.COLLATERAL): 9_900_000,
                (ledger.VENUE, ledger.COLLATERAL): -10_000_000,
                (ledger.FEES, ledger.COLLATERAL): 100_000,
                (OPERATOR, str(TOKEN)): -20_000_000,
                (ledger.VENUE, str(TOKEN)): 20_000_000,
            },
        ),
    ],
)
def test_the_books_of_a_fill(side: Side, expected: dict[tuple[str, str], int]) -> None:
    assert balances(fill_posting(fill(ORDER, side)).entries) == expected


def test_a_fill_is_booked_once_for_each_transaction_of_an_order() -> None:
    ids = [fill_posting(fill(ORDER, number=number)).posting_id for number in (1, 1, 2)]
    assert ids[0] == ids[1]
    assert ids[0] != ids[2]


@pytest.mark.parametrize(
    ("matched", "in_blocks", "complete"),
    [
        (None, "20", False),  # the venue has not answered
        ("20", "0", False),
        ("20", "19.999999", False),
        ("20", "20", True),
        ("20", "20.5", True),
        ("0", "0", False),  # that it matched nothing is for the reconciler to make sure of
    ],
)
def test_an_order_is_complete_when_blocks_hold_what_was_matched(
    matched: str | None, in_blocks: str, complete: bool
) -> None:
    assert is_complete(open_order(purchase(), matched=matched), filled(in_blocks, "0")) is complete


def test_the_end_of_a_purchase() -> None:
    ending = end(open_order(purchase()), filled("80", "39", "0.4"))
    assert not ending.failures
    assert [(a.shares, a.collateral, a.fee) for a in ending.allocations] == [
        (shares("20"), collateral("9.75"), collateral("0.1")),  # a quarter of 80, 39 and 0.4
        (shares("60"), collateral("29.25"), collateral("0.3")),
    ]
    assert [
        (x.step, x.settlement_id, x.wallet, x.follower, x.token_id, x.shares, x.collateral, x.returned)
        for x in ending.legs
    ] == [
        (
            SettlementStep.DELIVER,
            settlement_id("deliver", IntentId(f"intent-{n}")),
            wallet(1),
            follower(n),
            TOKEN,
            shares(bought),
            collateral(due),
            ZERO_SHARES,
        )
        for n, bought, due in [(1, "20", "9.85"), (2, "60", "29.55")]  # with the fee
    ]
    assert balances(entry for posting in ending.postings for entry in posting.entries) == {
        (ledger.SPENT, ledger.RECEIVABLE): -39_400_000,
        (ledger.follower_account(follower(1)), ledger.RECEIVABLE): 9_850_000,
        (ledger.follower_account(follower(2)), ledger.RECEIVABLE): 29_550_000,
    }


def test_the_end_of_a_purchase_that_was_filled_in_part() -> None:
    """Two units of shares, too few for three followers."""
    order = block(Side.BUY, "0.5", [part(1, budget="10"), part(2, budget="10"), part(3, budget="10")])
    ending = end(open_order(order), filled("0.000002", "0.000001"))
    assert [str(a.shares) for a in ending.allocations] == ["0.000001", "0.000001", "0"]
    assert [x.follower for x in ending.legs] == [follower(1), follower(2)]
    assert ending.failures == {IntentId("intent-3"): because(Reason.NOT_FILLED, limit="0.5")}


def test_the_end_of_a_purchase_that_was_not_filled() -> None:
    ending = end(open_order(purchase()), NOTHING)
    assert (ending.allocations, ending.legs, ending.postings) == ((), (), ())
    assert ending.failures == {
        IntentId("intent-1"): because(Reason.NOT_FILLED, limit="0.5"),
        IntentId("intent-2"): because(Reason.NOT_FILLED, limit="0.5"),
    }


def test_the_venues_words_are_the_reason_why_there_is_nothing() -> None:
    why = because(Reason.VENUE_REJECTED, detail="not enough balance / allowance")
    ending = end(open_order(purchase()), NOTHING, why)
    assert ending.failures == {IntentId("intent-1"): why, IntentId("intent-2"): why}


def test_nobody_owes_more_than_the_shares_can_be_worth() -> None:
    """At 0.99 with a fee of 2 % the price with fee is above 1, which the Clearinghouse would refuse."""
    order = block(Side.BUY, "0.99", [part(1, budget="99")])
    ending = end(open_order(order), filled("100", "99", "1.98"))
    (delivery,) = ending.legs
    assert delivery.collateral == collateral("100")
    books = balances(entry for posting in ending.postings for entry in posting.entries)
    assert books[ledger.DUST, ledger.RECEIVABLE] == 980_000  # 99 + 1.98 - 100


def test_the_end_of_a_sale() -> None:
    ending = end(open_order(sale()), filled("20", "11", "0.4"))
    assert not ending.failures
    assert [(x.step, x.settlement_id, x.follower, x.shares, x.collateral, x.returned) for x in ending.legs] == [
        # a quarter of 20 shares, 11 - 0.4; the other half goes back
        (
            SettlementStep.REMIT,
            settlement_id("remit", IntentId("intent-1")),
            follower(1),
            shares("5"),
            collateral("2.65"),
            shares("5"),
        ),
        (
            SettlementStep.REMIT,
            settlement_id("remit", IntentId("intent-2")),
            follower(2),
            shares("15"),
            collateral("7.95"),
            shares("15"),
        ),
    ]
    assert balances(entry for posting in ending.postings for entry in posting.entries) == {
        (ledger.EARNED, ledger.PAYABLE): -10_600_000,
        (ledger.follower_account(follower(1)), ledger.PAYABLE): 2_650_000,
        (ledger.follower_account(follower(2)), ledger.PAYABLE): 7_950_000,
    }


def test_the_end_of_a_sale_that_was_not_filled_gives_everything_back() -> None:
    ending = end(open_order(sale()), NOTHING)
    assert [(x.follower, x.shares, x.collateral, x.returned) for x in ending.legs] == [
        (follower(1), ZERO_SHARES, ZERO_COLLATERAL, shares("10")),
        (follower(2), ZERO_SHARES, ZERO_COLLATERAL, shares("30")),
    ]
    assert ending.failures.keys() == {IntentId("intent-1"), IntentId("intent-2")}
    assert ending.postings == ()


def test_what_was_collected_for_nothing_goes_back() -> None:
    exit_intent = intent(1)
    collected = leg(SettlementStep.COLLECT, exit_intent, collateral=ZERO_COLLATERAL)
    returned = give_back(collected)
    assert returned == leg(
        SettlementStep.REMIT,
        exit_intent,
        shares=ZERO_SHARES,
        collateral=ZERO_COLLATERAL,
        returned=collected.shares,
    )
    assert returned.settlement_id != collected.settlement_id
