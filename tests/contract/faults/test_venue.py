"""The official SDK, when the order book refuses, breaks off, or accepts and does not say so."""

from __future__ import annotations

import pytest
from polymarket.errors import (
    ConnectionLostError,
    PolymarketError,
    RateLimitError,
    RequestRejectedError,
    TransportError,
    UnexpectedResponseError,
)
from polymarket.errors import TimeoutError as SdkTimeoutError

from tests.contract.faults.scene import Person, Scene, showing

pytestmark = pytest.mark.asyncio(loop_scope="session")

ORDER = {"endpoint": "POST /order", "count": 1}


@pytest.mark.parametrize("fault", [showing("error-before"), showing("drop-before")])
async def test_what_fails_before_acceptance_leaves_no_order(scene: Scene, alice: Person, fault: str) -> None:
    await scene.inject(fault, **ORDER)
    with pytest.raises(PolymarketError):
        await scene.rests(alice)
    assert await scene.open_orders(alice) == []
    assert await scene.open_orders(alice) == [] != [await scene.rests(alice)]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        showing("error-after", RequestRejectedError),
        showing("drop-after", (TransportError, ConnectionLostError)),
    ],
)
async def test_what_fails_after_acceptance_leaves_the_order(
    scene: Scene, alice: Person, fault: str, error: type[PolymarketError]
) -> None:
    await scene.inject(fault, **ORDER)
    with pytest.raises(error):
        await scene.rests(alice)
    assert len(await scene.open_orders(alice)) == 1


@pytest.mark.shows("timeout-after")
async def test_a_time_out_after_acceptance_leaves_the_order(scene: Scene, alice: Person) -> None:
    await scene.inject("timeout-after", **ORDER)
    with pytest.raises((SdkTimeoutError, TransportError)):  # after the SDK's own 10 s
        await scene.rests(alice)
    assert len(await scene.open_orders(alice)) == 1


@pytest.mark.shows("null-hashes")
async def test_null_hashes_break_the_parser_after_acceptance(scene: Scene, alice: Person, bob: Person) -> None:
    await scene.rests(alice)
    await scene.inject("null-hashes", count=1)
    with pytest.raises(UnexpectedResponseError):
        await scene.buys(bob)
    assert len(await scene.trade_statuses(bob)) == 1


@pytest.mark.shows("restarting")
async def test_425_says_that_the_engine_restarts(scene: Scene, alice: Person) -> None:
    await scene.inject("restarting", retry_after_s=7, **ORDER)
    with pytest.raises(RequestRejectedError) as caught:
        await scene.rests(alice)
    assert (caught.value.status, caught.value.restriction, caught.value.retry_after) == (425, "restarting", 7)


@pytest.mark.shows("rate-limited")
async def test_429_says_when_to_come_back(scene: Scene, alice: Person) -> None:
    await scene.inject("rate-limited", retry_after_s=3, **ORDER)
    with pytest.raises(RateLimitError) as caught:
        await scene.rests(alice)
    assert caught.value.retry_after == 3


@pytest.mark.shows("post-only")
async def test_post_only_mode_takes_post_only_orders_only(scene: Scene, alice: Person) -> None:
    await scene.inject("post-only")
    with pytest.raises(RequestRejectedError) as caught:
        await scene.rests(alice)
    assert (caught.value.status, caught.value.restriction) == (503, "post_only")
    await alice.client.place_limit_order(token_id=scene.yes, price="0.60", size="10", side="SELL", post_only=True)
    assert len(await scene.open_orders(alice)) == 1


@pytest.mark.shows("cancel-only")
async def test_cancel_only_mode_takes_cancels_only(scene: Scene, alice: Person) -> None:
    resting = await scene.rests(alice)
    await scene.inject("cancel-only")
    with pytest.raises(RequestRejectedError) as caught:
        await scene.rests(alice)
    assert (caught.value.status, caught.value.restriction) == (503, "cancel_only")
    assert (await alice.client.cancel_order(order_id=resting)).canceled == (resting,)


@pytest.mark.shows("stale-book")
async def test_a_stale_book_stays_as_it_was(scene: Scene, alice: Person, bob: Person) -> None:
    await scene.rests(alice, price="0.60")
    await scene.inject("stale-book", token=scene.yes)
    stale = await bob.client.get_order_book(token_id=scene.yes)
    await scene.rests(alice, price="0.50")
    assert await bob.client.get_order_book(token_id=scene.yes) == stale
    scene.devnet.faults.clear()
    assert len((await bob.client.get_order_book(token_id=scene.yes)).asks) == 2


async def test_a_fault_of_one_wallet_spares_the_other(scene: Scene, alice: Person, bob: Person) -> None:
    await scene.inject("rate-limited", wallet=alice.wallet)
    with pytest.raises(RateLimitError):
        await scene.rests(alice)
    await scene.rests(bob)


async def test_a_fault_of_one_token_spares_the_other(scene: Scene, alice: Person) -> None:
    await scene.inject("restarting", token=str(scene.market.no_token_id))
    await scene.rests(alice)
    with pytest.raises(RequestRejectedError):
        await alice.client.get_order_book(token_id=str(scene.market.no_token_id))


@pytest.mark.shows("refuse-orders")
async def test_orders_of_a_wallet_that_the_venue_banned_are_refused_and_others_not(
    scene: Scene, alice: Person, bob: Person
) -> None:
    await scene.inject("refuse-orders", reason="banned", wallet=alice.wallet)
    with pytest.raises(RequestRejectedError, match="banned"):
        await scene.rests(alice)
    assert await scene.rests(bob)
