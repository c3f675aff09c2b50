"""The whole way of a settlement through the adapters: calldata, signature, broadcast, receipt, outcomes, balances."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from remora.adapters.chain.clearinghouse import MAX_LEGS, MAX_REFUELS
from remora.devnet.accounts import Role, scripted_range
from remora.domain.ids import Address, IntentId, SettlementId
from remora.domain.money import Collateral, Shares, Wei
from remora.domain.order import Leg, LegFailure, SettlementStep
from tests.contract.chain.world import World

FOLLOWERS = tuple(account.address for account in scripted_range(Role.FOLLOWER, MAX_LEGS))
OUTSIDER = scripted_range(Role.LEADER, 1)[0].address
FAR_FUTURE_S = 4_000_000_000
COIN = 10**18
#: The one instruction that burns all gas that it is given.
BURNER = "0xfe"


@pytest.fixture
async def operator(world: World) -> Address:
    """An operator wallet with 10 shares to deliver and 100 of collateral."""
    (wallet, *_) = world.signer.fleet
    await world.funding.fund(
        [wallet], native=Wei(100 * COIN), collateral=Collateral(110_000_000), approve_clearinghouse=True
    )
    await world.funding.add_operators([wallet])
    await world.stock(wallet, Shares(10_000_000))
    return wallet


async def enrol(world: World, *followers: Address) -> None:
    """Let followers with 1 of collateral each join the Clearinghouse."""
    await world.funding.fund(followers, collateral=Collateral(1_000_000), approve_clearinghouse=True)
    await world.funding.join(followers, daily_limit=Collateral(1_000_000), expires_at_s=FAR_FUTURE_S)


def leg(world: World, step: SettlementStep, follower: Address, **changes: Any) -> Leg:
    intent_id = IntentId(f"intent of {follower}")
    fields: dict[str, Any] = {
        "settlement_id": SettlementId("0x" + hashlib.sha256(f"{step} {intent_id}".encode()).hexdigest()),
        "intent_id": intent_id,
        "step": step,
        "wallet": world.signer.fleet[0],
        "follower": follower,
        "token_id": world.yes,
        "shares": Shares(100_000),
        "collateral": Collateral(52_000),
    }
    return Leg(**(fields | changes))


async def settle(world: World, legs: list[Leg]) -> list[tuple[SettlementId, bool, LegFailure]]:
    receipt = await world.execute(legs[0].wallet, world.custody.settle(legs[0].step, legs))
    assert receipt.succeeded
    return [(each.settlement_id, each.settled, each.failure) for each in world.custody.outcomes(receipt)]


async def test_a_failing_leg_does_not_stop_the_others(world: World, operator: Address) -> None:
    first, second = FOLLOWERS[:2]
    await enrol(world, first, second)
    before = await world.reader.collateral_of([operator])
    legs = [leg(world, SettlementStep.DELIVER, wallet) for wallet in (first, OUTSIDER, second)]
    assert await settle(world, legs) == [
        (legs[0].settlement_id, True, LegFailure.NONE),
        (legs[1].settlement_id, False, LegFailure.NOT_JOINED),
        (legs[2].settlement_id, True, LegFailure.NONE),
    ]
    assert await world.reader.shares_of([(wallet, world.yes) for wallet in (first, OUTSIDER, second)]) == [
        Shares(100_000), Shares(0), Shares(100_000),
    ]  # fmt: skip
    # 1 - 0.052 each; the operator gets 0.052 from both.
    assert await world.reader.collateral_of([first, second]) == [Collateral(948_000)] * 2
    assert await world.reader.collateral_of([operator]) == [before[0] + Collateral(104_000)]


async def test_a_replay_changes_nothing_and_counts_as_settled(world: World, operator: Address) -> None:
    await enrol(world, FOLLOWERS[0])
    delivery = leg(world, SettlementStep.DELIVER, FOLLOWERS[0])
    assert await settle(world, [delivery]) == [(delivery.settlement_id, True, LegFailure.NONE)]
    after = await world.reader.collateral_of([FOLLOWERS[0], operator])
    assert await settle(world, [delivery]) == [(delivery.settlement_id, True, LegFailure.ALREADY_SETTLED)]
    assert await world.reader.collateral_of([FOLLOWERS[0], operator]) == after


@pytest.mark.usefixtures("operator")
async def test_a_sale_is_collected_and_remitted(world: World) -> None:
    follower = FOLLOWERS[0]
    await enrol(world, follower)
    await settle(world, [leg(world, SettlementStep.DELIVER, follower)])
    collection = leg(world, SettlementStep.COLLECT, follower)
    assert await settle(world, [collection]) == [(collection.settlement_id, True, LegFailure.NONE)]
    assert await world.reader.shares_of([(follower, world.yes)]) == [Shares(0)]
    remittance = leg(
        world, SettlementStep.REMIT, follower,
        shares=Shares(70_000), collateral=Collateral(40_000), returned=Shares(30_000),
    )  # fmt: skip
    assert await settle(world, [remittance]) == [(remittance.settlement_id, True, LegFailure.NONE)]
    assert await world.reader.shares_of([(follower, world.yes)]) == [Shares(30_000)]
    # 1 - 0.052 + 0.04
    assert await world.reader.collateral_of([follower]) == [Collateral(988_000)]


async def test_a_reverted_settlement_has_no_outcomes(world: World) -> None:
    (_, not_an_operator, _) = world.signer.fleet
    delivery = leg(world, SettlementStep.DELIVER, FOLLOWERS[0], wallet=not_an_operator)
    receipt = await world.execute(not_an_operator, world.custody.settle(SettlementStep.DELIVER, [delivery]))
    assert not receipt.succeeded
    assert world.custody.outcomes(receipt) == []


@pytest.mark.parametrize("count", [1, MAX_LEGS])
async def test_hostile_receivers_cannot_exhaust_the_gas(world: World, operator: Address, count: int) -> None:
    followers = FOLLOWERS[:count]
    await enrol(world, *followers)
    for follower in followers:
        await world.node.call("anvil_setCode", follower, BURNER)
    legs = [leg(world, SettlementStep.DELIVER, follower) for follower in followers]
    call = world.custody.settle(SettlementStep.DELIVER, legs)
    receipt = await world.execute(operator, call)
    assert receipt.succeeded
    assert receipt.gas_used > 350_000 * count
    outcomes = world.custody.outcomes(receipt)
    assert [(each.settled, each.failure) for each in outcomes] == [(False, LegFailure.SHARES_REFUSED)] * count


async def test_the_treasury_refuels_many_wallets_at_once(world: World) -> None:
    treasury = world.signer.treasury
    await world.funding.fund([treasury], native=Wei(10 * COIN))
    wallets = [Address(f"0x{0xF00D + number:040x}") for number in range(MAX_REFUELS)]
    amounts = {wallet: Wei(10**15 + number) for number, wallet in enumerate(wallets)}
    receipt = await world.execute(treasury, world.custody.refuel(amounts))
    assert receipt.succeeded
    assert await world.reader.native_of(wallets) == list(amounts.values())


async def test_an_operator_wallet_makes_its_approvals(world: World) -> None:
    wallet = world.signer.fleet[1]
    for approval in world.custody.approvals():
        assert (await world.execute(wallet, approval.call)).succeeded
        if approval.ledger is None:
            allowances = await world.reader.collateral_allowances([wallet], approval.spender)
            assert allowances == [Collateral(2**256 - 1)]
        else:
            assert await world.reader.shares_approved([wallet], approval.spender, approval.ledger) == [True]
