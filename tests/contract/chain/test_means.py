"""What followers can pay, and how the collateral is, as the contracts tell it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remora.adapters.chain.reader import NodeReader
from remora.adapters.chain.tokens import MAX_UINT256
from remora.devnet.abi import calldata
from remora.devnet.accounts import Role, scripted_range
from remora.devnet.control.pause import Pause
from remora.devnet.control.state import State
from remora.devnet.deployment import OWNER
from remora.devnet.faults.state import Depeg
from remora.devnet.transactions import Act, transact
from remora.domain.contracts import Ledgers
from remora.domain.errors import Malformed, OperatorError
from remora.domain.ids import ZERO_ADDRESS, Address
from remora.domain.means import Means, Membership
from remora.domain.money import ONE, Collateral, Price, Shares
from remora.domain.order import Leg, SettlementStep
from tests.contract.chain.test_settlement import FAR_FUTURE_S, enrol, leg
from tests.contract.chain.world import World

MEMBER, STRANGER, PAUSED, GONE, POOR = (account.address for account in scripted_range(Role.FOLLOWER, 5, seed=77))
EVERYTHING = Collateral(MAX_UINT256)
STANDING = Means(
    collateral=Collateral(ONE),
    allowance=EVERYTHING,
    membership=Membership(expires_s=FAR_FUTURE_S, paused=False, daily_limit=Collateral(ONE), spent_today=Collateral(0)),
)
NOBODY = Means(
    collateral=Collateral(0),
    allowance=Collateral(0),
    membership=Membership(expires_s=0, paused=False, daily_limit=Collateral(0), spent_today=Collateral(0)),
)


async def as_follower(world: World, follower: Address, signature: str) -> None:
    await transact(world.node, [Act(sender=follower, to=world.clearinghouse, data=calldata(signature))])


async def means_of(world: World, *wallets: Address) -> list[Means]:
    return await world.reader.means_of(wallets, world.clearinghouse)


async def test_the_means_of_many_come_in_the_order_asked(world: World) -> None:
    await enrol(world, MEMBER, PAUSED, GONE)
    await as_follower(world, PAUSED, "pause()")
    await as_follower(world, GONE, "leave()")
    assert await means_of(world, MEMBER, STRANGER, PAUSED, GONE) == [
        STANDING,
        NOBODY,
        STANDING._replace(membership=replace(STANDING.membership, paused=True)),
        STANDING._replace(membership=NOBODY.membership),
    ]
    assert await means_of(world) == []


async def test_what_was_delivered_counts_against_the_day(world: World) -> None:
    await enrol(world, POOR)
    (operator, *_) = world.signer.fleet
    await world.funding.fund([operator], collateral=Collateral(5 * ONE), approve_clearinghouse=True)
    await world.funding.add_operators([operator])
    await world.stock(operator, Shares(2 * ONE))
    bought: Leg = leg(world, SettlementStep.DELIVER, POOR)  # 0.052 of collateral
    await world.execute(operator, world.custody.settle(SettlementStep.DELIVER, [bought]))
    (means,) = await means_of(world, POOR)
    assert means.collateral == Collateral(948_000)
    assert means.membership.spent_today == Collateral(52_000)
    assert means.membership.left_today == Collateral(948_000)


async def test_more_followers_than_a_batch_takes(world: World) -> None:
    many = [account.address for account in scripted_range(Role.FOLLOWER, 400, seed=78)]
    assert await means_of(world, *many) == [NOBODY] * 400


async def test_what_is_no_clearinghouse_tells_no_means(world: World) -> None:
    with pytest.raises(Malformed, match="is it the right contract"):
        await world.reader.means_of([MEMBER], STRANGER)
    with pytest.raises(OperatorError):
        await world.reader.means_of([MEMBER], world.collateral)


async def test_a_token_that_knows_no_pause_is_never_paused(world: World) -> None:
    assert not await world.reader.collateral_paused()
    nowhere = Ledgers(conditional_tokens=ZERO_ADDRESS, position_manager=ZERO_ADDRESS)
    assert not await NodeReader(world.rpc, collateral=STRANGER, ledgers=nowhere).collateral_paused()


async def test_a_token_that_is_paused_says_so(world: World) -> None:
    pause = Pause(world.node)
    await pause.set(world.collateral, is_paused=True)
    try:
        assert await world.reader.collateral_paused()
    finally:
        await pause.set(world.collateral, is_paused=False)
    assert not await world.reader.collateral_paused()


async def test_the_price_of_collateral(world: World) -> None:
    feed = Address(world.contracts.price_feed)
    assert (await world.reader.peg(feed)).price == Price(ONE)
    state = State(node=world.node, contracts=world.contracts, funding=world.funding, pause=Pause(world.node))
    await state.depeg(Depeg(price="0.987654"))
    try:
        peg = await world.reader.peg(feed)
        head = await world.reader.head()
        assert peg.price == Price(987_654)
        assert 0 <= head.timestamp_s - peg.told_s < 3_600
    finally:
        await state.depeg(Depeg(price="1"))


@pytest.mark.parametrize("answer", [0, -1])
async def test_an_answer_that_is_no_price_is_malformed(world: World, answer: int) -> None:
    feed = Address(world.contracts.price_feed)

    async def say(units: int) -> None:
        await transact(world.node, [Act(sender=OWNER, to=feed, data=calldata("set_answer(int256)", units))])

    await say(answer)
    try:
        with pytest.raises(Malformed, match="expected a price"):
            await world.reader.peg(feed)
    finally:
        await say(10**8)


async def test_what_is_no_price_feed_is_malformed(world: World) -> None:
    with pytest.raises(Malformed, match="is it the right contract"):
        await world.reader.peg(STRANGER)
