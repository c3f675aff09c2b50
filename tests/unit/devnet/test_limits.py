"""How many requests pass in which time; the arithmetic stands beside each case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.devnet.clob.limits import (
    ELITE,
    STANDARD,
    VENUE_WINDOWS,
    Action,
    AddressLimits,
    Limits,
    SignerLimits,
    Window,
)
from remora.devnet.clob.refusals import Refusal
from tests.unit.devnet.scene import ALICE, BOB

ORDER, CANCEL = Action.ORDER, Action.CANCEL
NOW = 1_800_000_000_000


def refused(limits: SignerLimits, tokens: int, now_ms: int) -> Refusal:
    with pytest.raises(Refusal, match="Too Many Requests") as caught:
        limits.take(ALICE, ORDER, tokens, now_ms)
    return caught.value


def test_a_burst_passes_and_the_next_order_waits_for_its_token() -> None:
    limits = SignerLimits(Limits())
    for _ in range(59):
        limits.take(ALICE, ORDER, 1, NOW)
    last = limits.take(ALICE, ORDER, 1, NOW)
    assert last == {
        "Poly-RateLimit-Remaining": "0",
        "Poly-RateLimit-Reset": "1800000000",
        "Poly-RateLimit-Tier": "Standard",
    }
    refusal = refused(limits, 1, NOW)
    assert refusal.status == 429
    # 1 / 40 s is 25 ms: the next whole second, and "after 1 s"
    assert refusal.headers == {**last, "Poly-RateLimit-Reset": "1800000001", "Retry-After": "1"}
    refused(limits, 1, NOW + 24)
    limits.take(ALICE, ORDER, 1, NOW + 25)


def test_a_batch_costs_a_token_for_each_order_and_takes_none_when_refused() -> None:
    limits = SignerLimits(Limits())
    for _ in range(4):
        limits.take(ALICE, ORDER, 15, NOW)
    # 15 / 40 s = 375 ms
    refused(limits, 15, NOW + 374)
    assert limits.take(ALICE, ORDER, 15, NOW + 375)["Poly-RateLimit-Remaining"] == "0"


def test_orders_cancels_and_signers_have_buckets_of_their_own() -> None:
    limits = SignerLimits(Limits(tiers={BOB: ELITE}))
    limits.take(ALICE, ORDER, 60, NOW)
    assert limits.take(ALICE, CANCEL, 20, NOW)["Poly-RateLimit-Remaining"] == "100"
    assert limits.take(BOB, ORDER, 600, NOW)["Poly-RateLimit-Remaining"] == "300"


def test_more_than_a_bucket_holds_costs_a_full_one() -> None:
    limits = SignerLimits(Limits())
    assert limits.take(ALICE, CANCEL, 1000, NOW)["Poly-RateLimit-Remaining"] == "0"


def test_without_a_tier_there_is_no_limit_and_no_header() -> None:
    limits = SignerLimits(Limits.none())
    assert limits.take(ALICE, ORDER, 10**6, NOW) == {}


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 15)), max_size=200))
def test_no_interval_lets_more_through_than_burst_and_rate_allow(steps: list[tuple[int, int]]) -> None:
    limits, now_ms, passed = SignerLimits(Limits()), NOW, list[tuple[int, int]]()
    for pause_ms, tokens in steps:
        now_ms += pause_ms
        try:
            limits.take(ALICE, ORDER, tokens, now_ms)
        except Refusal:
            continue
        passed.append((now_ms, tokens))
        for start_ms, _ in passed:
            within = sum(each for at_ms, each in passed if at_ms >= start_ms)
            assert within * 1000 <= STANDARD.orders.burst * 1000 + (now_ms - start_ms) * STANDARD.orders.per_s


def test_a_window_slides_and_tells_when_it_opens() -> None:
    limits = AddressLimits(Limits(windows=(Window(calls=2, seconds=10, path="/auth"),)))
    limits.admit("::1", "POST", "/auth/api-key", NOW)
    limits.admit("::1", "GET", "/auth/api-keys", NOW + 4_000)
    with pytest.raises(Refusal) as caught:
        limits.admit("::1", "GET", "/auth/api-keys", NOW + 7_500)
    # The first call leaves the window 2.5 s later
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "3"})
    limits.admit("::2", "GET", "/auth/api-keys", NOW + 7_500)
    limits.admit("::1", "GET", "/time", NOW + 7_500)
    limits.admit("::1", "GET", "/auth/api-keys", NOW + 10_000)


@pytest.mark.parametrize(
    ("method", "path", "calls"),
    [
        ("POST", "/order", {15_000, 5_000, 120_000}),
        ("POST", "/orders", {15_000, 2_000, 21_000}),
        ("DELETE", "/cancel-all", {15_000, 250, 6_000}),
        ("GET", "/book", {15_000, 1_500}),
        ("GET", "/data/trades", {15_000, 500}),
        ("GET", "/gamma/markets/keyset", {15_000, 4_000, 300}),
        ("GET", "/data-api/v2/trades", {15_000, 1_000, 200}),
        ("GET", "/data/order/0x1d", {15_000}),
    ],
)
def test_each_address_has_the_windows_of_the_documentation(method: str, path: str, calls: set[int]) -> None:
    assert {window.calls for window in VENUE_WINDOWS if window.covers(method, path)} == calls
