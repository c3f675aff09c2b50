"""Rebalancing: who takes part, what is held meanwhile, one at a time, and what trouble leaves for the next time."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from remora.domain.errors import Refused, RemoraError, Retryable
from remora.domain.fleet import BY_HAND
from remora.domain.floats import FloatBounds, FloatRequest, FloatTransfer, TransferKind
from remora.domain.ids import Address
from remora.domain.ledger import TREASURY, Entry, Posting, opening, operator_account, transfer
from remora.domain.money import Collateral
from remora.execute.fleet import Fleet
from remora.execute.rebalance import AGAIN_AFTER_S, REQUEST_FOR_S, Rebalancer, RebalanceRules
from tests.fakes.chain import FakeChain
from tests.fakes.clock import SimulatedClock
from tests.fakes.database import Database
from tests.fakes.signer import FakeSigner
from tests.fakes.specimens import collateral, wallet
from tests.fakes.waiting import settle_down, until

BOUNDS = FloatBounds(floor=collateral("40"), target=collateral("100"), ceiling=collateral("150"))
RICH, WELL, POOR = wallet(1), wallet(2), wallet(3)


class Vault:
    """A fleet of three with 180, 100 and 10, a treasury with 50, and a hand that moves float at once."""

    def __init__(self, *, signer: FakeSigner, database: Database, chain: FakeChain, clock: SimulatedClock) -> None:
        self.fleet = Fleet(signer.fleet)
        self.treasury = signer.treasury
        self.database = database
        self.chain = chain
        self.clock = clock
        self.sent: list[tuple[TransferKind, Address, str]] = []
        self.troubles: dict[Address, RemoraError] = {}
        self.free: list[Collateral] = []
        self.rebalancer = self.of(BOUNDS)

    def of(self, bounds: FloatBounds | None, reserve: str = "0") -> Rebalancer:
        return Rebalancer(
            rules=RebalanceRules(bounds=bounds, reserve=collateral(reserve)),
            fleet=self.fleet,
            treasury=self.treasury,
            chain=self.chain,
            store=self.database.floats,
            clock=self.clock,
            send=self._send,
        )

    async def open(self, **balances: str) -> None:
        """Have books, chain and fleet know all wallets."""
        self.chain.collateral[self.treasury] = collateral(balances.pop("treasury", "50"))
        for each, balance in zip((RICH, WELL, POOR), ("180", "100", "10"), strict=True):
            self.chain.collateral[each] = collateral(balance)
            await self.database.settlements.post([opening(each, collateral(balance))])
            await self.fleet.enlist(each, collateral(balance))

    async def ask(self, target: str) -> None:
        request = FloatRequest(bounds=FloatBounds.exactly(collateral(target)), asked_us=self.clock.now_us())
        await self.database.floats.ask(request)

    def has(self) -> list[str]:
        return [str(self.chain.collateral[each]) for each in (RICH, WELL, POOR, self.treasury)]

    async def _send(self, moved: FloatTransfer) -> None:
        self.free.append(self.fleet.free_float(moved.wallet))
        if moved.wallet in self.troubles:
            raise self.troubles.pop(moved.wallet)
        self.sent.append((moved.kind, moved.wallet, str(moved.amount)))
        sign = 1 if moved.kind is TransferKind.TOP_UP else -1
        self.chain.collateral[moved.wallet] += Collateral(sign * moved.amount.units)
        self.chain.collateral[self.treasury] -= Collateral(sign * moved.amount.units)
        await self.database.settlements.post([moved.posting(moved.wallet, len(self.sent))])


@pytest.fixture
async def vault(signer: FakeSigner, database: Database, chain: FakeChain, clock: SimulatedClock) -> Vault:
    vault = Vault(signer=signer, database=database, chain=chain, clock=clock)
    await vault.open()
    return vault


async def test_the_excess_goes_to_whoever_lacks_some(vault: Vault) -> None:
    assert not await vault.rebalancer.look()
    assert vault.sent == [(TransferKind.DRAW, RICH, "80"), (TransferKind.TOP_UP, POOR, "90")]
    assert vault.has() == ["100", "100", "100", "40"]
    assert vault.free[0] == collateral("100")  # while it was on its way, no copy could spend it
    assert vault.fleet.promised(RICH) == Collateral(0)
    assert vault.fleet.balance(RICH) == collateral("100")
    balances = await vault.database.settlements.ledger_balances()
    assert balances[TREASURY, "collateral"] == -10_000_000
    assert not await vault.rebalancer.look()
    assert len(vault.sent) == 2


async def test_a_fleet_without_bounds_is_left_alone(vault: Vault) -> None:
    assert not await vault.of(None).look()
    assert vault.sent == []
    assert vault.chain.asked == []


async def test_a_treasury_that_is_short_serves_what_it_can_and_alarms(vault: Vault) -> None:
    vault.chain.collateral[RICH] = collateral("100")
    await vault.database.settlements.post([_moved(RICH, -80)])
    with capture_logs() as logs:
        await vault.of(BOUNDS, reserve="20").look()
    assert vault.sent == [(TransferKind.TOP_UP, POOR, "30")]
    (alarm,) = [entry for entry in logs if entry["event"] == "treasury_short"]
    assert (alarm["log_level"], alarm["balance"], alarm["missing"]) == ("error", "50", "60")


async def test_float_of_retired_wallets_goes_back_without_bounds(vault: Vault) -> None:
    vault.fleet.assign(vault.fleet.wallets, {WELL: BY_HAND})
    vault.fleet.hold("proceeds", WELL, collateral("30"))
    assert not await vault.of(None).look()
    assert vault.sent == [(TransferKind.DRAW, WELL, "70")]
    await vault.fleet.release("proceeds")
    await vault.of(None).look()
    assert vault.sent[1:] == [(TransferKind.DRAW, WELL, "30")]


async def test_who_differs_from_the_books_is_passed_over(vault: Vault) -> None:
    """A node that lags, a fill that was not heard, a top-up that is not booked yet."""
    vault.chain.collateral[RICH] += Collateral(1)
    vault.chain.collateral[POOR] -= Collateral(1)
    await vault.rebalancer.look()
    assert vault.sent == []


async def test_who_is_suspended_or_out_is_passed_over(vault: Vault) -> None:
    vault.fleet.suspend([RICH])
    vault.fleet.dismiss(POOR, "no API key")
    await vault.rebalancer.look()
    assert vault.sent == []


async def test_a_wallet_in_another_hand_is_drawn_from_later(vault: Vault) -> None:
    """What an order spends of it is promised before it is checked in again."""
    async with vault.fleet.checkout("block", collateral("0"), only=RICH):
        looking = asyncio.ensure_future(vault.rebalancer.look())
        await until(lambda: vault.fleet.waiting == (0, 1))
        vault.fleet.hold("order", RICH, collateral("20"))
    await looking
    assert vault.sent == [(TransferKind.DRAW, RICH, "60"), (TransferKind.TOP_UP, POOR, "90")]  # of 160


async def test_what_a_copy_was_just_promised_is_not_topped_up(vault: Vault) -> None:
    """The order is recorded a moment later; what it spends comes back, and would then be too much."""
    await vault.ask("100")
    vault.fleet.hold("copy", WELL, collateral("20"))
    assert await vault.of(None).look()
    assert vault.sent == [(TransferKind.DRAW, RICH, "80"), (TransferKind.TOP_UP, POOR, "90")]
    await vault.fleet.release("copy")
    assert not await vault.of(None).look()
    assert len(vault.sent) == 2


async def test_trouble_with_one_wallet_is_no_other_ones(vault: Vault) -> None:
    await vault.ask("95")
    vault.troubles[RICH] = Refused("reverted")
    with capture_logs() as logs:
        assert await vault.rebalancer.look()
    assert vault.sent == [(TransferKind.DRAW, WELL, "5"), (TransferKind.TOP_UP, POOR, "55")]
    assert [entry["wallet"] for entry in logs if entry["event"] == "float_not_moved"] == [RICH]
    assert vault.fleet.promised(RICH) == Collateral(0)
    assert not await vault.rebalancer.look()
    assert vault.has() == ["95", "95", "95", "55"]


async def test_a_node_that_does_not_answer_is_asked_next_time(vault: Vault) -> None:
    vault.chain.troubles["collateral_of"].append(Retryable("the node is away"))
    with capture_logs() as logs:
        assert not await vault.rebalancer.look()
    assert [entry["event"] for entry in logs] == ["rebalance_postponed"]
    await vault.rebalancer.look()
    assert len(vault.sent) == 2


async def test_a_node_that_falls_silent_between_plan_and_draw_leaves_the_wallet_alone(vault: Vault) -> None:
    silent = asyncio.ensure_future(until(lambda: vault.chain.asked.count("collateral_of") == 1))
    silent.add_done_callback(lambda _: vault.chain.troubles["collateral_of"].append(Retryable("the node is away")))
    async with vault.fleet.checkout("exit", Collateral(0), only=RICH):
        looking = asyncio.ensure_future(vault.rebalancer.look())
        await silent
        await until(lambda: vault.fleet.waiting == (0, 1))
    assert not await looking
    assert vault.sent == [(TransferKind.TOP_UP, POOR, "50")]
    assert vault.fleet.promised(RICH) == Collateral(0)


async def test_a_request_waits_for_wallets_that_are_out(vault: Vault) -> None:
    await vault.ask("60")
    vault.fleet.dismiss(RICH, "no API key")
    assert await vault.of(None).look()
    assert vault.has()[1:] == ["60", "60", "40"]
    await vault.fleet.enlist(RICH, collateral("180"))
    assert not await vault.of(None).look()
    assert vault.has() == ["60", "60", "60", "160"]


async def test_nothing_moves_while_the_collateral_is_paused(vault: Vault) -> None:
    vault.chain.paused = True
    assert not await vault.rebalancer.look()
    assert vault.sent == []


async def test_a_request_is_done_once_and_asks_for_its_own_target(vault: Vault) -> None:
    await vault.ask("60")
    assert not await vault.of(None).look()
    assert vault.has() == ["60", "60", "60", "160"]
    assert await vault.database.floats.request() is None


async def test_a_request_waits_for_wallets_but_not_for_ever(vault: Vault) -> None:
    await vault.ask("60")
    vault.chain.collateral[RICH] += Collateral(1)
    assert await vault.of(None).look()
    vault.clock.advance(REQUEST_FOR_S)
    assert not await vault.of(None).look()
    assert await vault.database.floats.request() is None
    assert vault.has()[1:] == ["60", "60", "40"]


async def test_who_asks_waits_for_no_timer(vault: Vault) -> None:
    rebalancer = vault.of(None)
    running = asyncio.ensure_future(rebalancer.run())
    await settle_down()
    assert vault.sent == []
    await vault.ask("60")
    rebalancer.look_soon()
    await until(lambda: len(vault.sent) == 3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert AGAIN_AFTER_S not in vault.clock.slept_s


def _moved(of: Address, amount: int) -> Posting:
    entries: tuple[Entry, ...] = transfer("deposit", operator_account(of), "collateral", amount * 1_000_000)
    return Posting(posting_id=f"moved:{of}", entries=entries)
