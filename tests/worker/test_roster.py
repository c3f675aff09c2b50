"""Roster and inspector: what a person asks of the fleet is taken up, and how it stands is stored."""

from __future__ import annotations

import asyncio

import pytest

from remora.domain.errors import Retryable
from remora.domain.fleet import WalletStanding, WalletState
from remora.domain.money import Wei
from remora.execute.fleet import Fleet
from remora.execute.inspector import InspectionRules, Inspector
from remora.execute.muster import ENOUGH_ALLOWANCE
from remora.execute.roster import Roster
from tests.fakes.chain import FakeChain
from tests.fakes.clearinghouse import LEDGERS, SPENDERS, FakeClearinghouse
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import collateral, wallet
from tests.fakes.waiting import until

COIN = Wei.parse("1")


class Office:
    """A fleet of three, its roster and its inspector."""

    def __init__(self, *, signer: FakeSigner, database: Database, chain: FakeChain, clock: SimulatedClock) -> None:
        self.fleet = Fleet(signer.fleet, low_float=collateral("1"))
        self.grown = 0
        self.database = database
        self.roster = Roster(size=3, fleet=self.fleet, signer=signer, store=database.fleet, on_grown=self._on_grown)
        self.inspector = Inspector(
            rules=InspectionRules(start_index=7, most_per_gas=Wei(10**12)),
            fleet=self.fleet,
            treasury=signer.treasury,
            chain=chain,
            custody=FakeClearinghouse(),
            store=database.fleet,
            clock=clock,
        )

    async def stored(self) -> list[WalletStanding]:
        return [standing for standing, _ in await self.database.fleet.standings()]

    async def _on_grown(self) -> None:
        self.grown += 1


@pytest.fixture
def office(signer: FakeSigner, database: Database, chain: FakeChain, clock: SimulatedClock) -> Office:
    return Office(signer=signer, database=database, chain=chain, clock=clock)


async def test_a_fleet_that_is_asked_for_more_wallets_derives_them(office: Office, database: Database) -> None:
    await office.roster.read()
    assert (len(office.fleet.wallets), office.grown) == (3, 0)
    await database.fleet.resize(5)
    await office.roster.read()
    assert office.fleet.wallets == tuple(wallet(n) for n in range(1, 6))
    assert (office.fleet.missing[-1], office.grown) == (wallet(5), 1)


async def test_a_fleet_that_is_made_smaller_and_larger_again_forgets_nobody(office: Office, database: Database) -> None:
    for each in office.fleet.wallets:
        await office.fleet.enlist(each, collateral("10"))
    await database.fleet.resize(1)
    await office.roster.read()
    assert office.fleet.ready == (wallet(1),)
    assert office.fleet.retired == dict.fromkeys([wallet(2), wallet(3)], "the fleet has 1 wallets now")
    await database.fleet.resize(2)
    await office.roster.read()
    assert office.fleet.retired == {wallet(3): "the fleet has 2 wallets now"}
    assert office.grown == 0


async def test_retirements_are_taken_up(office: Office, database: Database) -> None:
    await office.inspector.look()
    await database.fleet.retire(wallet(2), retired=True)
    await office.roster.read()
    assert office.fleet.state(wallet(2)) == (WalletState.RETIRED, "retired by hand")
    await database.fleet.retire(wallet(2), retired=False)
    await office.roster.read()
    assert office.fleet.state(wallet(2))[0] is WalletState.UNHEALTHY


async def test_how_wallets_stand_is_stored_when_it_changes(office: Office, clock: SimulatedClock) -> None:
    await office.fleet.enlist(wallet(1), collateral("10"))
    await office.fleet.enlist(wallet(2), collateral("0.5"))
    office.fleet.dismiss(wallet(3), "not an operator")
    office.fleet.hold("order", wallet(1), collateral("4"))
    await office.inspector.look()
    stored = await office.stored()
    assert [(each.index, each.wallet, each.state) for each in stored] == [
        (7, wallet(1), WalletState.READY),
        (8, wallet(2), WalletState.LOW_FLOAT),
        (9, wallet(3), WalletState.UNHEALTHY),
    ]
    assert (stored[0].balance, stored[0].promised, stored[0].native) == (collateral("10"), collateral("4"), None)
    assert stored[2].why == "not an operator"
    first_us = clock.now_us()
    clock.advance(1)
    await office.inspector.look()
    assert {seen_us for _, seen_us in await office.database.fleet.standings()} == {first_us}


async def test_the_chain_says_who_has_too_little_gas_and_who_has_not_approved(office: Office, chain: FakeChain) -> None:
    for each in office.fleet.wallets:
        await office.fleet.enlist(each, collateral("10"))
    chain.native |= {wallet(1): COIN, wallet(2): Wei(1), wallet(3): COIN}
    for spender in SPENDERS:
        chain.allowances[wallet(1), spender] = ENOUGH_ALLOWANCE
        chain.approvals.update((wallet(1), spender, ledger) for ledger in LEDGERS)
    await office.inspector.read_chain()
    await office.inspector.look()
    first, second, third = await office.stored()
    assert (first.state, first.native, first.missing, first.nonce) == (WalletState.READY, COIN, 0, 0)
    assert second.state is WalletState.LOW_GAS
    assert second.missing == third.missing == len(FakeClearinghouse().approvals())


async def test_a_node_that_does_not_answer_is_asked_again(office: Office, chain: FakeChain) -> None:
    chain.troubles["native_of"].append(Retryable("the node is away"))
    inspecting = asyncio.ensure_future(office.inspector.run())
    natives = "SELECT native FROM fleet_wallets WHERE native IS NOT NULL"
    await until(lambda: len(office.database.committed(natives)) == 3)
    inspecting.cancel()
