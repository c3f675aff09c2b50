"""Gas: whoever is low gets some, all in one transaction, and a treasury that is too poor is an alarm."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from remora.domain.errors import InvariantBroken, Refused, RemoraError, Retryable
from remora.domain.ids import Address
from remora.domain.money import Wei
from remora.domain.transaction import GasPrice
from remora.execute.refuel import WALLETS_PER_REFUEL, Refueler, RefuelRules, low_wallets
from tests.fakes.chain import FakeChain
from tests.fakes.clearinghouse import FakeClearinghouse
from tests.fakes.clock import SimulatedClock
from tests.fakes.specimens import wallet
from tests.fakes.waiting import until

TREASURY = Address("0x7" + 39 * "0")
AMOUNT = Wei.parse("0.5")
RULES = RefuelRules(
    threshold=Wei.parse("0.1"),
    amount=AMOUNT,
    treasury_low=Wei.parse("0.9"),
    most_per_gas=Wei(1_000_000_000_000),
)
GAS = Wei.parse("0.01")
"""What the transaction of a refuel costs at most at 100 gwei: the fake is bound by 100,000 gas."""


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
    assert low_wallets(balances(*has), RULES.threshold, AMOUNT, needed={}) == {wallet(number): AMOUNT for number in low}


def test_the_lowest_come_first_when_one_transaction_cannot_hold_all() -> None:
    has = {wallet(number): Wei(1000 - number) for number in range(WALLETS_PER_REFUEL + 10)}
    low = low_wallets(has, RULES.threshold, AMOUNT, needed={})
    assert len(low) == WALLETS_PER_REFUEL
    assert wallet(0) not in low
    assert wallet(WALLETS_PER_REFUEL + 9) in low


class Tank:
    """A refueler, and what it sent."""

    def __init__(self, chain: FakeChain, clock: SimulatedClock, *, wallets: int) -> None:
        self.sent: list[dict[Address, Wei]] = []
        self.troubles: list[RemoraError] = []
        self.needed: dict[Address, Wei] = {}
        self.refueler = Refueler(
            rules=RULES,
            wallets=lambda: [wallet(number) for number in range(wallets)],
            treasury=TREASURY,
            chain=chain,
            custody=FakeClearinghouse(),
            clock=clock,
            needed=lambda: self.needed,
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
    assert chain.asked == ["native_of", "gas_price"]


async def test_a_fleet_that_has_enough_gets_nothing(tank: Tank, chain: FakeChain) -> None:
    chain.native |= balances("1", "1", "1")
    await tank.refueler.top_up()
    assert tank.sent == []


@pytest.mark.parametrize(
    ("has", "paid", "unpaid"),
    [
        (Wei.parse("1") + GAS, [2, 1], None),  # two times 0.5 and the gas
        (Wei.parse("1"), [2], 1),  # the gas is not there for two
        (Wei.parse("0.5") + GAS, [2], 1),
        (Wei.parse("0.5") + GAS - Wei(1), [], 2),
        (Wei(0), [], 2),
    ],
)
async def test_a_treasury_pays_for_as_many_as_it_can_the_lowest_first_and_alarms(
    tank: Tank, chain: FakeChain, has: Wei, paid: list[int], unpaid: int | None
) -> None:
    chain.native[TREASURY] = has
    with capture_logs() as logs:
        await tank.refueler.top_up()
    assert tank.sent == ([dict.fromkeys(map(wallet, paid), AMOUNT)] if paid else [])
    alarms = [entry for entry in logs if entry["event"] == "treasury_low"]
    assert [(entry["log_level"], entry["balance"], entry["unpaid"]) for entry in alarms] == (
        [] if unpaid is None else [("error", str(has), unpaid)]
    )


@pytest.mark.parametrize(("has", "alarms"), [("0.899999999999999999", 1), ("0.9", 0)])
async def test_a_low_treasury_alarms_while_it_still_can_pay(
    tank: Tank, chain: FakeChain, has: str, alarms: int
) -> None:
    chain.native |= balances("1", "1", "1") | {TREASURY: Wei.parse(has)}
    with capture_logs() as logs:
        await tank.refueler.top_up()
    assert tank.sent == []
    assert [entry["event"] for entry in logs] == ["treasury_low"] * alarms


@pytest.mark.parametrize(
    ("gwei", "balance", "is_low"),
    [
        (178, "0.1", False),  # one leg is bound by 560,000 gas: 0.09968
        (179, "0.1", True),  # 0.10024
        (179, "0.10024", False),
        (9_999, "0.559999", True),  # no transaction offers more than 1,000 gwei: 0.56
        (9_999, "0.56", False),
    ],
)
async def test_a_wallet_that_cannot_pay_for_one_leg_is_low_whatever_the_threshold(
    tank: Tank, chain: FakeChain, gwei: int, balance: str, *, is_low: bool
) -> None:
    chain.fees = GasPrice(max_fee=Wei(gwei * 10**9), priority_fee=Wei(10**9))
    chain.native |= balances(balance, "10", "10")
    await tank.refueler.top_up()
    assert tank.sent == ([{wallet(0): AMOUNT}] if is_low else [])


@pytest.mark.parametrize(("has", "is_low"), [("2.999999999999999999", True), ("3", False)])
async def test_a_wallet_that_cannot_pay_for_a_replacement_is_low_whatever_the_threshold(
    tank: Tank, chain: FakeChain, has: str, *, is_low: bool
) -> None:
    chain.native |= balances(has, "1", "1")
    tank.needed = {wallet(0): Wei.parse("3"), wallet(1): Wei.parse("0.01")}
    await tank.refueler.top_up()
    assert tank.sent == ([{wallet(0): AMOUNT}] if is_low else [])


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
