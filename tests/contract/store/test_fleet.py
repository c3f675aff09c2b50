"""FleetStore: what was asked of the fleet, and how its wallets stood."""

from __future__ import annotations

from dataclasses import replace

from remora.domain.fleet import BY_HAND, FleetPlan, WalletStanding, WalletState
from remora.domain.money import Collateral, Wei
from tests.contract.store.implementations import Stores
from tests.contract.store.samples import wallet

FIRST = WalletStanding(
    index=4,
    wallet=wallet(1),
    state=WalletState.BUSY,
    why="checked out",
    balance=Collateral(7),
    promised=Collateral(5),
    native=Wei(2**70),
    nonce=9,
    missing=0,
)
SECOND = WalletStanding(
    index=5, wallet=wallet(2), state=WalletState.READY, balance=Collateral(1), promised=Collateral(0)
)


async def test_a_fleet_is_as_large_as_set_until_it_is_resized(stores: Stores) -> None:
    assert await stores.fleet.plan(3) == FleetPlan(size=3, known=3, retired=frozenset())
    await stores.fleet.resize(1)
    await stores.fleet.resize(5)
    assert await stores.fleet.plan(3) == FleetPlan(size=5, known=5, retired=frozenset())


async def test_a_fleet_that_was_made_smaller_still_knows_its_wallets(stores: Stores) -> None:
    await stores.fleet.record([FIRST, SECOND], seen_us=1)
    await stores.fleet.resize(1)
    assert await stores.fleet.plan(3) == FleetPlan(size=1, known=2, retired=frozenset())


async def test_standings_are_kept_and_forgotten(stores: Stores) -> None:
    assert await stores.fleet.standings() == []
    await stores.fleet.record([SECOND, FIRST], seen_us=1)
    assert await stores.fleet.standings() == [(FIRST, 1), (SECOND, 1)]
    poorer = replace(SECOND, state=WalletState.LOW_FLOAT, why="less")
    await stores.fleet.record([poorer], seen_us=2)
    assert await stores.fleet.standings() == [(poorer, 2)]


async def test_a_retired_wallet_stays_so_until_it_is_returned(stores: Stores) -> None:
    await stores.fleet.record([FIRST, SECOND], seen_us=1)
    assert await stores.fleet.retire(wallet(1), retired=True)
    assert not await stores.fleet.retire(wallet(1), retired=True)
    assert not await stores.fleet.retire(wallet(3), retired=True)
    await stores.fleet.record([FIRST, SECOND], seen_us=2)
    assert (await stores.fleet.plan(2)).retired == {wallet(1)}
    assert (await stores.fleet.standings())[0] == (replace(FIRST, state=WalletState.RETIRED, why=BY_HAND), 2)
    assert await stores.fleet.retire(wallet(1), retired=False)
    assert (await stores.fleet.plan(2)).retired == frozenset()
    assert (await stores.fleet.standings())[0][0].state is WalletState.UNHEALTHY
