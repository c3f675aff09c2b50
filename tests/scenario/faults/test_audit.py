"""What is moved behind our back: one wallet or follower is suspended, `remora reconcile` says why, the rest go on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from remora.adapters.store import schema
from remora.devnet.abi import calldata
from remora.devnet.balances import collateral_of
from remora.devnet.generations import ledger_of
from remora.devnet.transactions import Act, transact
from remora.domain import ledger
from remora.domain.ids import Address, TokenId
from remora.domain.money import ONE, Collateral
from tests.scenario.casts import trio
from tests.scenario.faults.outcome import reasons
from tests.scenario.faults.sabotage import Sabotage
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import Theatre

pytestmark = pytest.mark.asyncio(loop_scope="session")

OFTEN = "1"
"""Seconds between audits, instead of ten minutes."""
THIEF = Address("0x" + 40 * "9")


async def reconciled(rehearsal: Rehearsal, *arguments: str, code: int = 0) -> dict[str, Any]:
    said = await rehearsal.command("reconcile", "--json", *arguments, code=code)
    found: dict[str, Any] = json.loads(said)
    return found


async def collateral(rehearsal: Rehearsal, wallet: Address) -> Collateral:
    stage = rehearsal.performance.stage
    return await collateral_of(stage.node, stage.endpoints.contracts, wallet)


def booked(rehearsal: Rehearsal, account: str) -> int:
    query = "SELECT coalesce(sum(units), 0) FROM entries WHERE asset = ? AND account = ?"
    with rehearsal.performance.database() as connection:
        return int(connection.exec_driver_sql(query, (ledger.COLLATERAL, account)).scalar_one())


async def test_a_wallet_whose_collateral_moves_is_out_until_that_is_accepted(
    theatre: Theatre, sabotage: Sabotage
) -> None:
    async with theatre.rehearsal(trio, fleet_size=2, REMORA_AUDIT_INTERVAL_S=OFTEN) as rehearsal:
        robbed, _ = rehearsal.performance.stage.fleet
        await rehearsal.start()
        left = await collateral(rehearsal, robbed) - Collateral(5 * ONE)
        await sabotage.inject("set-collateral", wallet=robbed, amount=str(left))
        difference = await rehearsal.life.heard("difference")
        assert (difference["wallet"], difference["cause"]) == (robbed, "moved behind our back")

        await rehearsal.buy()
        await rehearsal.settled()
        assert await _wallets_of_orders(rehearsal) == set(rehearsal.performance.stage.fleet) - {robbed}
        found = await reconciled(rehearsal, code=1)
        assert [(each["wallet"], each["difference"], each["cause"]) for each in found["differences"]] == [
            (robbed, str(-5 * ONE), "moved behind our back")
        ]
        assert [each["wallet"] for each in found["suspended"]] == [robbed]

        await rehearsal.command("reconcile", "--accept", robbed, "--reason", "the owner took 5")
        assert await reconciled(rehearsal) == {"differences": [], "suspended": []}
        assert (await rehearsal.performance.audit()).balanced
        await until(lambda: len(rehearsal.life.told("suspensions")) > 1)
        assert rehearsal.life.told("suspensions")[-1]["wallets"] == []


async def test_a_top_up_is_booked(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, fleet_size=1, REMORA_AUDIT_INTERVAL_S=OFTEN) as rehearsal:
        (wallet,) = rehearsal.performance.stage.fleet
        await rehearsal.start()
        await rehearsal.performance.stage.funding.fund([wallet], collateral=Collateral(7 * ONE))
        await until(lambda: booked(rehearsal, ledger.DEPOSIT) == -7 * ONE)
        await rehearsal.buy()
        await rehearsal.settled()
        assert await rehearsal.wrong() == []
        assert await reconciled(rehearsal) == {"differences": [], "suspended": []}


async def test_a_follower_whose_shares_move_is_not_copied_and_the_others_are(theatre: Theatre) -> None:
    async with theatre.rehearsal(trio, fleet_size=1, REMORA_AUDIT_INTERVAL_S=OFTEN) as rehearsal:
        mover = rehearsal.performance.cast.followers[0].wallet
        await rehearsal.start()
        await rehearsal.buy()
        await rehearsal.settled()
        await _give_away(rehearsal, mover)
        await rehearsal.life.heard("difference")
        await until(lambda: any(mover in each["wallets"] for each in rehearsal.life.told("suspensions")))
        await rehearsal.buy()
        await rehearsal.settled()
        await rehearsal.sell()
        await rehearsal.settled()
        figures = rehearsal.performance.read()
        assert figures.denials == {"SUSPENDED": 2}  # an entry and an exit
        assert figures.intents["settled"] == 3 + 2 + 2
        assert not reasons(rehearsal)
        found = await reconciled(rehearsal, code=1)
        assert [(each["wallet"], each["difference"]) for each in found["differences"]] == [(mover, str(-ONE))]
        await rehearsal.command("reconcile", "--accept", mover, "--reason", "a gift")
        assert (await reconciled(rehearsal))["suspended"] == []
        await until(lambda: rehearsal.life.told("suspensions")[-1]["wallets"] == [])
        await rehearsal.buy()
        await rehearsal.settled()
        assert rehearsal.performance.read().denials == {"SUSPENDED": 2}


async def _wallets_of_orders(rehearsal: Rehearsal) -> set[str]:
    with rehearsal.performance.database() as connection:
        return {row.wallet for row in connection.execute(select(schema.orders.c.wallet))}


async def _give_away(rehearsal: Rehearsal, wallet: Address) -> None:
    """Have a follower send one share to somebody else."""
    stage = rehearsal.performance.stage
    with rehearsal.performance.database() as connection:
        token = TokenId(int(connection.execute(select(schema.legs.c.token_id)).scalars().first() or 0))
    signature = "safeTransferFrom(address,address,uint256,uint256,bytes)"
    data = calldata(signature, wallet, THIEF, token, ONE, b"")
    ledger_address = Address(ledger_of(stage.endpoints.contracts, token))
    await transact(stage.node, [Act(sender=wallet, to=ledger_address, data=data)])
