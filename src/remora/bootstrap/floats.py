"""The wiring of what keeps the fleet's float between bounds."""

from __future__ import annotations

from remora.bootstrap.outside import Outside
from remora.domain.floats import FloatTransfer
from remora.execute.fleet import Fleet
from remora.execute.rebalance import Rebalancer, RebalanceRules
from remora.settings.environment import Settings
from remora.settle.worker import Settler


def rebalancer(settings: Settings, outside: Outside, fleet: Fleet, settler: Settler) -> Rebalancer:
    """Wire the rebalancer of a service."""
    treasury = outside.signer.treasury

    async def send(transfer: FloatTransfer) -> None:
        await settler.transfer(treasury, transfer)

    return Rebalancer(
        rules=RebalanceRules(
            bounds=settings.float_bounds,
            reserve=settings.treasury_reserve,
            every_s=settings.rebalance_interval_s,
        ),
        fleet=fleet,
        treasury=treasury,
        chain=outside.chain,
        store=outside.floats,
        clock=outside.clock,
        send=send,
    )
