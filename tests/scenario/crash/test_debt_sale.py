"""`kill -9` while the shares of a debt are sold, and while what they brought beyond it is paid out: once each."""

from __future__ import annotations

from signal import SIGKILL

import pytest

from remora.devnet.traders.market_maker import Ladder
from remora.domain import ledger
from remora.domain.money import ONE, Price, Shares
from tests.scenario.casts import debtor
from tests.scenario.evidence import unfinished
from tests.scenario.faults.outcome import inexact
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import Theatre
from tests.scenario.thin import ThinBook
from tests.scenario.traps import Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEFORE, AFTER = Moment.BEFORE, Moment.AFTER
SOLD_SOON = {"REMORA_DEBT_SELL_AFTER_S": "1", "REMORA_REORG_DEPTH": "1"}
AN_ENTRY = 1
"""How many orders were sent before the debt's."""

DEEP = Ladder(shares=Shares(10_000 * ONE))
RISEN = Ladder(shares=Shares(10_000 * ONE), mid=Price(700_000))
"""What a share brings when the debt's are sold, while 0.51 is owed for it."""


@pytest.mark.parametrize(
    ("moment", "message", "left"),
    [
        pytest.param(BEFORE, "POST /order", {"order recorded"}, id="sale-not-sent"),
        pytest.param(AFTER, "POST /order", {"order recorded"}, id="sale-not-answered"),
    ],
)
async def test_the_shares_of_a_debt_are_sold_once(
    theatre: Theatre, moment: Moment, message: str, left: set[str]
) -> None:
    async with theatre.rehearsal(debtor, SOLD_SOON, fleet_size=1) as rehearsal:
        await rehearsal.start()
        trap = rehearsal.kill(moment, message, spare=AN_ENTRY)
        await rehearsal.buy()
        assert await rehearsal.killed(trap) >= left
        await rehearsal.start()
        await until(lambda: bool(debt_of(rehearsal)["ended"]))
        await rehearsal.settled(debts_too=False)
        await sold_out(rehearsal)


@pytest.mark.parametrize(
    ("moment", "message", "left"),
    [
        pytest.param(BEFORE, "eth_maxPriorityFeePerGas", {"leg pending"}, id="surplus-not-recorded"),
        pytest.param(BEFORE, "remit", {"leg sent", "transaction recorded"}, id="surplus-not-sent"),
        pytest.param(AFTER, "remit", {"leg sent", "transaction recorded"}, id="surplus-not-answered"),
        pytest.param(AFTER, "receipt of ours", {"leg sent", "transaction recorded"}, id="surplus-mined-not-stored"),
    ],
)
async def test_what_a_sale_brought_beyond_the_debt_is_paid_out_once(
    thin: ThinBook, moment: Moment, message: str, left: set[str]
) -> None:
    """Prices rise before the delivery that is not paid for; what is paid out comes after the sale's order."""
    await thin.maker.quote(thin.market, DEEP)
    try:
        async with thin.theatre.rehearsal(debtor, SOLD_SOON, fleet_size=1) as rehearsal:
            await rehearsal.start()
            rehearsal.trap(BEFORE, "deliver", lambda: thin.maker.quote(thin.market, RISEN))

            async def die_when_it_passes() -> None:
                rehearsal.kill(moment, message)

            rehearsal.trap(BEFORE, "POST /order", die_when_it_passes, spare=AN_ENTRY)
            await rehearsal.buy()
            assert await rehearsal.life.ended() == -SIGKILL
            assert unfinished(rehearsal.performance) >= left
            await rehearsal.start()
            await rehearsal.settled()
            await paid_out(rehearsal)
    finally:
        await thin.refill()


async def paid_out(rehearsal: Rehearsal) -> None:
    """Make sure that the debt is paid from its shares, and that the follower has the rest of what they brought."""
    debt = debt_of(rehearsal)
    assert debt["ended"]
    assert debt["due"] == debt["collected"] + debt["sold"]
    query = "SELECT collateral FROM legs WHERE step = 'remit' AND state = 'settled'"
    with rehearsal.performance.database() as connection:
        assert int(connection.exec_driver_sql(query).scalar_one()) > 0
    assert await inexact(rehearsal) == []


async def sold_out(rehearsal: Rehearsal) -> None:
    """Make sure that the debt is over, that nobody holds a share for it, and that the books say why."""
    debt = debt_of(rehearsal)
    assert debt["due"] == debt["collected"] + debt["sold"] + debt["written_off"]
    assert debt["sold"] > 0
    assert debt["written_off"] > 0  # the bid is below what the leader paid
    assert claims(rehearsal, ledger.WRITTEN_OFF) == debt["written_off"]
    (operator,) = rehearsal.performance.stage.fleet
    audit = await rehearsal.performance.audit()
    dust = [units for asset, units in audit.found[operator].items() if asset != ledger.COLLATERAL]
    assert max(dust) < 10_000  # less than the venue trades
    assert await inexact(rehearsal, gave_back=True) == []


def debt_of(rehearsal: Rehearsal) -> dict[str, int]:
    query = """SELECT due, collected, sold, written_off, written_off_us IS NOT NULL OR recovered_us IS NOT NULL AS ended
               FROM debts"""
    with rehearsal.performance.database() as connection:
        return dict(connection.exec_driver_sql(query).mappings().one())


def claims(rehearsal: Rehearsal, account: str) -> int:
    query = "SELECT coalesce(sum(units), 0) FROM entries WHERE asset = ? AND account = ?"
    with rehearsal.performance.database() as connection:
        return int(connection.exec_driver_sql(query, (ledger.RECEIVABLE, account)).scalar_one())
