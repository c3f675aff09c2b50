"""Muster: a wallet is ready when it can trade, settle and pay; one that cannot is out, and tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from structlog.testing import capture_logs

from remora.domain.errors import OutcomeUnknown, Refused, RemoraError, Retryable
from remora.domain.fleet import WalletState
from remora.domain.ids import Address
from remora.domain.money import Collateral
from remora.domain.transaction import Call
from remora.execute.fleet import Fleet
from remora.execute.muster import ENOUGH_ALLOWANCE, Muster
from tests.fakes.chain import FakeChain
from tests.fakes.clearinghouse import CLEARINGHOUSE, LEDGERS, SPENDERS, FakeClearinghouse
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import collateral, wallet
from tests.fakes.venue import FakeVenue
from tests.fakes.waiting import until

UNLIMITED = Collateral(2**256 - 1)


class Yard:
    """A muster of three wallets that have 100 each and are operators; nothing is approved yet."""

    def __init__(
        self, *, venue: FakeVenue, chain: FakeChain, signer: FakeSigner, database: Database, clock: SimulatedClock
    ) -> None:
        self.chain = chain
        self.fleet = Fleet(signer.fleet)
        self.sent: list[tuple[Address, Call]] = []
        self.reverting: set[Address] = set()
        self.approvals = [approval.call for approval in FakeClearinghouse().approvals()]
        for each in signer.fleet:
            chain.collateral[each] = collateral("100")
            chain.operators.add((each, CLEARINGHOUSE))
        self.muster = Muster(
            fleet=self.fleet,
            clearinghouse=CLEARINGHOUSE,
            clock=clock,
            venue=venue,
            chain=chain,
            custody=FakeClearinghouse(),
            store=database.settlements,
            send=self._send,
        )

    def approve(self, *wallets: Address) -> None:
        """Let all spenders move what the wallets have."""
        for each in wallets:
            for spender in SPENDERS:
                self.chain.allowances[each, spender] = UNLIMITED
                self.chain.approvals.update((each, spender, ledger) for ledger in LEDGERS)

    async def _send(self, sender: Address, call: Call) -> bool:
        self.sent.append((sender, call))
        return sender not in self.reverting


@pytest.fixture
def yard(venue: FakeVenue, chain: FakeChain, signer: FakeSigner, database: Database, clock: SimulatedClock) -> Yard:
    return Yard(venue=venue, chain=chain, signer=signer, database=database, clock=clock)


async def test_a_wallet_is_made_ready(yard: Yard, venue: FakeVenue, database: Database) -> None:
    await yard.muster.muster()
    assert yard.fleet.ready == yard.fleet.wallets
    assert sorted(venue.authenticated) == sorted(yard.fleet.wallets)
    assert [call for sender, call in yard.sent if sender == wallet(1)] == yard.approvals
    assert yard.fleet.free_float(wallet(1)) == collateral("100")
    books = await database.settlements.ledger_balances()
    assert books[f"operator:{wallet(1)}", "collateral"] == 100_000_000
    assert books["opening", "collateral"] == -300_000_000


async def test_what_is_approved_is_not_approved_again(yard: Yard) -> None:
    yard.approve(wallet(1), wallet(2), wallet(3))
    yard.chain.allowances[wallet(2), SPENDERS[1]] = ENOUGH_ALLOWANCE - Collateral(1)  # counted down
    yard.chain.approvals.remove((wallet(3), SPENDERS[0], LEDGERS[1]))
    await yard.muster.muster()
    assert sorted(yard.sent, key=str) == sorted(
        [(wallet(2), yard.approvals[1]), (wallet(3), yard.approvals[6])], key=str
    )


@pytest.mark.parametrize(
    "trouble", [Refused("maker address not allowed"), Retryable("busy"), OutcomeUnknown("the answer was lost")]
)
async def test_a_wallet_that_fails_is_out_and_the_others_go_on(
    yard: Yard, venue: FakeVenue, trouble: RemoraError
) -> None:
    venue.troubles["authenticate"].append(trouble)
    with capture_logs() as logs:
        await yard.muster.muster()
    assert yard.fleet.ready == (wallet(2), wallet(3))
    assert [(entry["event"], entry["wallet"], entry["errors"]) for entry in logs] == [
        ("wallet_out", wallet(1), [str(trouble)])
    ]


async def test_a_wallet_that_could_buy_but_not_deliver_is_out(yard: Yard) -> None:
    yard.chain.operators.remove((wallet(2), CLEARINGHOUSE))
    with capture_logs():
        await yard.muster.muster()
    assert yard.fleet.ready == (wallet(1), wallet(3))
    assert wallet(2) not in {sender for sender, _ in yard.sent}  # no gas for it
    state, why = yard.fleet.state(wallet(2))
    assert (state, "to be an operator of the Clearinghouse; its owner must add it" in why) == (
        WalletState.UNHEALTHY,
        True,
    )


async def test_a_new_wallet_is_mustered_without_waiting(yard: Yard) -> None:
    yard.fleet.assign(yard.fleet.wallets[:2], {})
    await yard.muster.muster()
    mustering = asyncio.ensure_future(yard.muster.run())
    yard.fleet.assign([wallet(1), wallet(2), wallet(3)], {wallet(3): "retired by hand"})
    yard.muster.muster_soon()
    await until(lambda: not yard.fleet.missing)
    assert yard.fleet.ready == (wallet(1), wallet(2))  # who is retired is mustered too, and finishes what it has
    mustering.cancel()


async def test_a_wallet_whose_approval_is_reverted_is_out(yard: Yard) -> None:
    yard.reverting.add(wallet(3))
    with capture_logs():
        await yard.muster.muster()
    assert yard.fleet.ready == (wallet(1), wallet(2))


async def test_a_wallet_that_is_out_is_tried_again_and_the_ready_ones_are_left_alone(
    yard: Yard, venue: FakeVenue, clock: SimulatedClock
) -> None:
    venue.troubles["authenticate"].append(Retryable("busy"))
    with capture_logs():
        await yard.muster.muster()
        assert len(yard.fleet.ready) == 2
        loop = asyncio.ensure_future(yard.muster.run())
        await until(lambda: len(yard.fleet.ready) == 3)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    assert sorted(venue.authenticated) == sorted(yard.fleet.wallets)
    assert 60 in clock.slept_s


async def test_the_opening_balance_is_booked_once(yard: Yard, database: Database) -> None:
    await yard.muster.muster()
    yard.fleet.dismiss(wallet(1))
    yard.chain.collateral[wallet(1)] = collateral("250")
    await yard.muster.muster()
    books = await database.settlements.ledger_balances()
    assert books[f"operator:{wallet(1)}", "collateral"] == 100_000_000
    assert yard.fleet.free_float(wallet(1)) == collateral("250")


async def test_what_an_owner_moves_in_or_out_is_seen(yard: Yard) -> None:
    await yard.muster.muster()
    yard.chain.collateral |= {wallet(1): collateral("1"), wallet(2): collateral("500")}
    await yard.muster.look_again()
    assert [str(yard.fleet.free_float(wallet(index))) for index in (1, 2, 3)] == ["1", "500", "100"]


class Meanwhile(FakeChain):
    """A chain that something happens beside, before it answers."""

    happens: Callable[[], None] = staticmethod(lambda: None)

    async def collateral_of(self, wallets: Sequence[Address]) -> list[Collateral]:
        self.happens()
        return await super().collateral_of(wallets)


async def test_the_float_of_a_wallet_with_an_order_is_left_to_the_order(
    venue: FakeVenue, signer: FakeSigner, database: Database, clock: SimulatedClock
) -> None:
    """The balance may be that of before the fill, and be noted after the promise has ended."""
    chain = Meanwhile()
    yard = Yard(venue=venue, chain=chain, signer=signer, database=database, clock=clock)
    await yard.muster.muster()
    yard.fleet.hold("before", wallet(1), collateral("10"))
    chain.happens = lambda: yard.fleet.hold("meanwhile", wallet(2), collateral("20"))
    chain.collateral |= {wallet(1): collateral("500"), wallet(2): collateral("500")}
    await yard.muster.look_again()
    assert [str(yard.fleet.free_float(wallet(index))) for index in (1, 2)] == ["90", "80"]


async def test_the_float_is_looked_at_again_and_again(yard: Yard, clock: SimulatedClock) -> None:
    await yard.muster.muster()
    yard.chain.troubles["collateral_of"].append(Retryable("busy"))
    loop = asyncio.ensure_future(yard.muster.run())
    yard.chain.collateral[wallet(3)] = collateral("7")
    await until(lambda: yard.fleet.free_float(wallet(3)) == collateral("7"))
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert 5 in clock.slept_s
