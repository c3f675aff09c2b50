"""Float on the devnet's chain, and the end of a rebalance. The treasury is shared: what it has is only compared."""

from __future__ import annotations

from sqlalchemy import select

from remora.adapters.store import schema
from remora.devnet.accounts import treasury
from remora.devnet.balances import collateral_of
from remora.devnet.funding import TREASURY_COIN
from remora.domain.ids import Address
from remora.domain.money import Collateral
from remora.domain.transaction import TxState
from tests.scenario.rehearsal import Rehearsal, until


async def collateral(rehearsal: Rehearsal, wallet: Address) -> Collateral:
    """Return what a wallet has now."""
    stage = rehearsal.performance.stage
    return await collateral_of(stage.node, stage.endpoints.contracts, wallet)


async def fleet_float(rehearsal: Rehearsal) -> list[Collateral]:
    """Return what each operator wallet has now."""
    return [await collateral(rehearsal, wallet) for wallet in rehearsal.performance.stage.fleet]


async def treasury_float(rehearsal: Rehearsal) -> Collateral:
    """Return what the treasury has now."""
    return await collateral(rehearsal, treasury().address)


async def endow(rehearsal: Rehearsal, amount: Collateral) -> None:
    """Give the treasury collateral; its coins are what they were."""
    funding = rehearsal.performance.stage.funding
    await funding.fund([treasury().address], collateral=amount, native=TREASURY_COIN)


async def looked_at(rehearsal: Rehearsal) -> None:
    """Wait until the supervisor has stored what the treasury has."""

    def is_stored() -> bool:
        with rehearsal.performance.database() as connection:
            return connection.execute(select(schema.treasury)).first() is not None

    await until(is_stored)


async def rebalanced(rehearsal: Rehearsal) -> None:
    """Wait until no request is open and no transaction without an end."""
    await until(lambda: not _is_under_way(rehearsal))


def _is_under_way(rehearsal: Rehearsal) -> bool:
    asked = select(schema.float_request)
    sent = select(schema.transactions).where(schema.transactions.c.state == TxState.RECORDED)
    with rehearsal.performance.database() as connection:
        return any(connection.execute(query).first() is not None for query in (asked, sent))
