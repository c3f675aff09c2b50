"""A match is not a fill: trades that are late, tried again, or revert on chain, as the SDK sees them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from remora.devnet.balances import shares_of
from remora.domain.ids import TokenId
from tests.contract.faults.scene import Person, Scene, accepted, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

U = 1_000_000


async def shares(scene: Scene, person: Person) -> int:
    node, contracts = scene.devnet.node, scene.devnet.endpoints.contracts
    return (await shares_of(node, contracts, person.wallet, TokenId(scene.market.yes_token_id))).units


async def is_(scene: Scene, person: Person, status: str) -> bool:
    return await scene.trade_statuses(person) == [status]


@pytest.mark.shows("retried-trade")
async def test_a_retried_trade_is_confirmed_in_the_end(scene: Scene, alice: Person, bob: Person) -> None:
    await scene.rests(alice)
    await scene.inject("retried-trade", wallet=bob.wallet, seconds=1)
    accepted(await scene.buys(bob))
    await eventually(lambda: is_(scene, bob, "RETRYING"))
    assert await shares(scene, bob) == 1_000 * U
    await eventually(lambda: is_(scene, bob, "CONFIRMED"))
    assert await shares(scene, bob) == 1_010 * U


@pytest.mark.shows("failed-trade")
async def test_a_failed_trade_reverts_on_chain_and_the_maker_rests_again(
    scene: Scene, alice: Person, bob: Person
) -> None:
    order_id = await scene.rests(alice)
    await scene.inject("failed-trade", token=scene.yes, count=1)
    accepted(await scene.buys(bob))
    await eventually(lambda: is_(scene, bob, "FAILED"))
    (trade,) = (await bob.client.list_account_trades(market=scene.market.condition_id).first_page()).items
    receipt = await scene.devnet.node.call("eth_getTransactionReceipt", trade.transaction_hash)
    assert int(receipt["status"], 16) == 0
    assert await shares(scene, bob) == 1_000 * U
    assert (await alice.client.get_order(order_id=order_id)).size_matched == Decimal(0)
    accepted(await scene.buys(bob))
    await eventually(lambda: _settled(scene, bob))


async def test_shares_that_left_after_the_match_make_a_ghost_fill(scene: Scene, alice: Person, bob: Person) -> None:
    await scene.rests(alice)
    await scene.inject("retried-trade", seconds=1)
    accepted(await scene.buys(bob))
    await eventually(lambda: is_(scene, bob, "RETRYING"))
    await scene.inject("set-shares", wallet=alice.wallet, token=scene.yes, amount="0")
    await eventually(lambda: is_(scene, bob, "FAILED"))
    assert await shares(scene, bob) == 1_000 * U
    assert await scene.open_orders(alice) == []


@pytest.mark.shows("delayed-match")
async def test_a_delayed_match_is_answered_without_amounts_and_matched_later(
    scene: Scene, alice: Person, bob: Person
) -> None:
    await scene.rests(alice)
    await scene.inject("delayed-match", count=1, seconds=2)
    order = accepted(await scene.buys(bob))
    assert (order.status, order.trade_ids) == ("delayed", ())
    assert await scene.trade_statuses(bob) == []
    await eventually(lambda: is_(scene, bob, "CONFIRMED"))


async def _settled(scene: Scene, person: Person) -> bool:
    return await scene.trade_statuses(person) == ["CONFIRMED", "FAILED"]
