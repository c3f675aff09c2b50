"""Gas: whoever is low gets some, all in one transaction, and a treasury that is too poor is an alarm."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from remora.domain.errors import InvariantBroken, Refused, RemoraError, Retryable
from remora.domain.ids import Address
from remora.domain.money import Wei
from remora.execute.refuel import WALLETS_PER_REFUEL, Refueler, RefuelRules, low_wallets
from tests.fakes.chain import FakeChain
from tests.fakes.clock import SimulatedClock
from tests.fakes.specimens import wallet
from tests.fakes.waiting import until

TREASURY = Address("0x7" + 39 * "0")
RULES = RefuelRules(threshold=Wei.parse("0.1"), amount=Wei.parse("0.5"))


def balances(*texts: str) -> dict[Address, Wei]:
    return {wallet(number): Wei.parse(text) for number, text in enumerate(texts)}


@pytest.mark.parametrize(
    ("has", "low"),
    [
        (["1", "1"], []),
        (["0.1", "0.1"], []),  # at the threshold is enough
        (["0.099999999999999999", "1"], [0]),
        (["0", "0.05", "1", "0.09"], [0, 1, 3]),
        ([], []),
    ],
)
def test_low_wallets(has: list[str], low: list[int]) -> None:
    assert low_wallets(balances(*has), RULES) == {wallet(number): Wei.parse("0.5") for number in low}


def test_the_lowest_come_first_when_one_transaction_cannot_hold_all() -> None:
    has = {wallet(number): Wei(1000 - number) for number in range(WALLETS_PER_REFUEL + 10)}
    low = low_wallets(has, RULES)
    assert len(low) == WALLETS_PER_REFUEL
    assert wallet(0) not in low
    assert wallet(WALLETS_PER_REFUEL + 9) in low


class Tank:
    """A refueler, and what it sent."""

    def __init__(self, chain: FakeChain, clock: SimulatedClock, *, wallets: int) -> None:
        self.sent: list[dict[Address, Wei]] = []
        self.troubles: list[RemoraError] = []
        self.refueler = Refueler(
            rules=RULES,
            wallets=tuple(wallet(number) for number in range(wallets)),
            treasury=TREASURY,
            chain=chain,
            clock=clock,
            refuel=self._refuel,
        )

    async def _refuel(self, amounts: Mapping[Address, Wei]) -> None:
        if self.troubles:
            raise self.troubles.pop()
        self.sent.append(dict(amounts))


@pytest.fixture
def tank(chain: FakeChain, clock: SimulatedClock) -> Tank:
    chain.native |= balances("1", "0.01", "0") | {TREASURY: Wei.parse("10")}
    return Tank(chain, clock, wallets=3)


async def test_all_low_wallets_are_topped_up_in_one_call(tank: Tank, chain: FakeChain) -> None:
    await tank.refueler.top_up()
    assert tank.sent == [{wallet(1): Wei.parse("0.5"), wallet(2): Wei.parse("0.5")}]
    assert chain.asked == ["native_of"]


async def test_a_fleet_that_has_enough_gets_nothing(tank: Tank, chain: FakeChain) -> None:
    chain.native |= balances("1", "1", "1")
    await tank.refueler.top_up()
    assert tank.sent == []


@pytest.mark.parametrize(("has", "refuels"), [("1", 1), ("0.999999999999999999", 0), ("0", 0)])
async def test_a_treasury_that_cannot_pay_for_all_alarms_and_pays_for_none(
    tank: Tank, chain: FakeChain, has: str, refuels: int
) -> None:
    chain.native[TREASURY] = Wei.parse(has)
    with capture_logs() as logs:
        await tank.refueler.top_up()
    assert len(tank.sent) == refuels
    alarms = [entry for entry in logs if entry["event"] == "treasury_low"]
    assert [(entry["log_level"], entry["balance"], entry["needed"]) for entry in alarms] == [("error", has, "1")] * (
        1 - refuels
    )


@pytest.mark.parametrize("trouble", [Refused("reverted"), Retryable("busy"), InvariantBroken("nonce is used")])
async def test_trouble_is_for_the_next_round(tank: Tank, chain: FakeChain, trouble: RemoraError) -> None:
    tank.troubles.append(trouble)
    chain.troubles["native_of"].append(Retryable("busy"))
    with capture_logs() as logs:
        for _ in range(3):
            await tank.refueler.top_up()
    assert [entry["event"] for entry in logs] == ["refuel_failed", "refuel_failed", "refueled"]
    assert len(tank.sent) == 1


async def test_the_timer_looks_every_half_minute(tank: Tank, clock: SimulatedClock) -> None:
    loop = asyncio.ensure_future(tank.refueler.run())
    await until(lambda: len(tank.sent) > 2)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert set(clock.slept_s) == {30}
