"""Protections: what a scope's result is, what trips at which bound, and that the same loss trips once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from remora.dispatch.protections import (
    Standing,
    Trip,
    depegged,
    is_watched,
    opening,
    stale_book,
    standing,
    tripped,
)
from remora.domain.ids import PolicyId, TokenId
from remora.domain.money import Collateral
from remora.domain.policy import Protections
from remora.domain.reasons import Reason
from remora.domain.switches import Halt, Scope, Switch
from remora.domain.usage import DAY_US, Baseline, Lot, Result, Subject
from tests.fakes.specimens import LEADER, TOKEN, collateral, follower, price, shares

ANN: Subject = (Scope.POLICY, "ann")
MIDNIGHT_US = 20_000 * DAY_US
NOON_US = MIDNIGHT_US + DAY_US // 2


def lot(token_id: TokenId, held: str, cost: str) -> Lot:
    return Lot(
        policy_id=PolicyId("ann"),
        follower=follower(1),
        leader=LEADER,
        token_id=token_id,
        shares=shares(held),
        cost=collateral(cost),
    )


def now(result: str, *, losses: int = 0) -> Standing:
    return Standing(
        subject=ANN, realised=collateral(result), unrealised=Collateral(0), unpriced=0, losses_in_row=losses
    )


def verdict(rules: Protections, at: Standing, baselines: Mapping[Reason, Baseline] | None = None) -> Trip | None:
    return tripped(rules, at, baselines or {}, NOON_US)


def test_a_result_is_what_exits_brought_and_what_lots_would_bring() -> None:
    lots = [lot(TOKEN, "20", "10"), lot(TokenId(8), "10", "4"), lot(TokenId(9), "5", "3")]
    bids = {TOKEN: price("0.4"), TokenId(8): price("0.45")}
    found = standing(ANN, Result(realised=collateral("-3"), losses_in_row=2), lots, bids)
    # 20 x 0.4 - 10 = -2; 10 x 0.45 - 4 = 0.5; the third has no bid, so it counts at cost
    assert found.unrealised == collateral("-1.5")
    assert (found.result, found.unpriced, found.losses_in_row) == (collateral("-4.5"), 1, 2)


def test_shares_of_a_resolved_market_bring_what_they_pay() -> None:
    lost = replace(lot(TOKEN, "20", "10"), resolved=True, payout=price("0"))
    drawn = replace(lot(TokenId(8), "10.000001", "4"), resolved=True, payout=price("0.5"))
    untold = replace(lot(TokenId(9), "5", "3"), resolved=True)
    # 20 x 0 - 10 = -10, whatever a stale book says; 10.000001 x 0.5 - 4 = 1, rounded down; the third counts at cost
    found = standing(ANN, Result(), [lost, drawn, untold], {TOKEN: price("0.4")})
    assert (found.unrealised, found.unpriced) == (collateral("-9"), 1)


@pytest.mark.parametrize(
    ("rules", "result", "halt", "reason", "until_us"),
    [
        (Protections(stop_loss=collateral("100")), "-99.999999", None, None, None),
        (Protections(stop_loss=collateral("100")), "-100", Halt.PANIC, Reason.STOP_LOSS, None),
        (Protections(stop_loss=collateral("100")), "500", None, None, None),
        (Protections(take_profit=collateral("30")), "29.999999", None, None, None),
        (Protections(take_profit=collateral("30")), "30", Halt.PANIC, Reason.TAKE_PROFIT, None),
        (Protections(take_profit=collateral("30")), "-500", None, None, None),
        (Protections(daily_loss=collateral("5")), "-14.999999", None, None, None),  # 4.999999 since 10 at midnight
        (Protections(daily_loss=collateral("5")), "-15", Halt.PAUSE, Reason.DAILY_LOSS, MIDNIGHT_US + DAY_US),
        (
            Protections(daily_loss=collateral("5"), stop_loss=collateral("15")),
            "-15",
            Halt.PANIC,
            Reason.STOP_LOSS,
            None,
        ),
        (Protections(), "-1000000", None, None, None),
    ],
)
def test_what_trips_at_which_result(
    rules: Protections, result: str, halt: Halt | None, reason: Reason | None, until_us: int | None
) -> None:
    today = Baseline(result=collateral("-10"), since_us=MIDNIGHT_US)
    found = verdict(rules, now(result), {Reason.DAILY_LOSS: today})
    if halt is None:
        assert found is None
        return
    assert found is not None
    assert found.switch == Switch(
        scope=Scope.POLICY,
        subject="ann",
        halt=halt,
        because=found.switch.because,
        set_us=NOON_US,
        until_us=until_us,
    )
    assert found.switch.because is not None
    assert found.switch.because.reason is reason
    assert found.baseline == Baseline(result=collateral(result), since_us=NOON_US)


@pytest.mark.parametrize(("losses", "trips"), [(2, False), (3, True), (4, True)])
def test_losses_in_a_row_cool_down(losses: int, *, trips: bool) -> None:
    found = verdict(Protections(losses_in_row=3, cool_down_s=60), now("0", losses=losses))
    assert (found is not None) == trips
    if found:
        assert (found.switch.halt, found.switch.until_us) == (Halt.PAUSE, NOON_US + 60_000_000)
        assert found.baseline is None


@pytest.mark.parametrize(("result", "trips"), [("-112", False), ("-201.999999", False), ("-202", True)])
def test_a_lifted_stop_loss_counts_from_where_it_tripped(result: str, *, trips: bool) -> None:
    """It tripped at -102: the next 100 end at -202, the cost of selling out among them."""
    baselines = {Reason.STOP_LOSS: Baseline(result=collateral("-102"), since_us=1)}
    assert (verdict(Protections(stop_loss=collateral("100")), now(result), baselines) is not None) == trips


def test_a_day_opens_when_it_is_first_looked_at() -> None:
    yesterday = Baseline(result=collateral("7"), since_us=MIDNIGHT_US - 1)
    fresh = Baseline(result=collateral("3"), since_us=NOON_US)
    assert opening(None, now("3"), NOON_US) == fresh
    assert opening(yesterday, now("3"), NOON_US) == fresh
    assert opening(Baseline(result=collateral("7"), since_us=MIDNIGHT_US), now("3"), NOON_US) is None


def test_a_switch_says_what_happened() -> None:
    found = verdict(Protections(stop_loss=collateral("100")), now("-100.5"))
    assert found is not None
    assert found.switch.because is not None
    assert found.switch.because.sentence() == (
        "STOP_LOSS: policy ann lost 100.5, 0 unpriced tokens at cost; 100 or more sells everything"
    )


@pytest.mark.parametrize(
    ("rules", "watched"),
    [
        (Protections(), False),
        (Protections(max_book_age_s=1, max_depeg_bps=1), False),
        (Protections(stop_loss=collateral("1")), True),
        (Protections(take_profit=collateral("1")), True),
        (Protections(daily_loss=collateral("1")), True),
        (Protections(losses_in_row=1), True),
    ],
)
def test_whom_to_watch(rules: Protections, *, watched: bool) -> None:
    assert is_watched(rules) == watched


@pytest.mark.parametrize(
    ("limit_s", "age_us", "refused"),
    [(None, 10**9, False), (3, 3_000_000, False), (3, 3_000_001, True), (0, 1, True), (0, 0, False)],
)
def test_a_stale_book(limit_s: int | None, age_us: int, *, refused: bool) -> None:
    why = stale_book(Protections(max_book_age_s=limit_s), age_us)
    assert (why is not None) == refused


@pytest.mark.parametrize(
    ("limit_bps", "peg", "refused"),
    [
        (None, "0.5", False),
        (100, "0.99", False),  # 1 % is 100 bps
        (100, "0.989999", True),
        (100, "1.01", False),
        (100, "1.010001", True),
        (0, "1", False),
    ],
)
def test_a_depegged_collateral(limit_bps: int | None, peg: str, *, refused: bool) -> None:
    assert (depegged(Protections(max_depeg_bps=limit_bps), price(peg)) is not None) == refused
