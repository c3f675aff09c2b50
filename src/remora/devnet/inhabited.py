"""A devnet with life in it, as the command line runs it.

There is a market maker in every market, leaders that trade at random, and a fleet with float for a supervisor.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from remora.devnet.accounts import fleet, treasury
from remora.devnet.endpoints import Endpoints
from remora.devnet.launcher import DevnetConfig, running_devnet
from remora.devnet.markets import varied_terms
from remora.devnet.supervised import supervisor_environment
from remora.devnet.traders.crew import market_making, random_leaders
from remora.domain.ids import Address

FLEET_SIZE = 20
"""As many operator wallets as a supervisor has by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhabited:
    """Where the devnet is, and the wallets that can be copied."""

    endpoints: Endpoints
    leaders: tuple[Address, ...]

    def supervisor_settings(self) -> str:
        """Return the settings of a supervisor on this devnet, as the text of an .env file."""
        return "".join(f'{name}="{value}"\n' for name, value in supervisor_environment(self.endpoints).items())


@asynccontextmanager
async def inhabited_devnet(*, block_time_s: float, markets: int, leaders: int) -> AsyncIterator[Inhabited]:
    """Run a devnet with so many markets and leaders until the context ends."""
    config = DevnetConfig(block_time_s=block_time_s, markets=varied_terms(markets))
    async with running_devnet(config) as devnet:
        endpoints, funding = devnet.endpoints, devnet.funding
        await funding.equip_fleet([account.address for account in fleet(FLEET_SIZE)], treasury().address)
        async with market_making(endpoints, funding), random_leaders(endpoints, funding, leaders) as crew:
            wallets = tuple(leader.wallet for leader in crew)
            yield Inhabited(endpoints=dataclasses.replace(endpoints, leaders=wallets), leaders=wallets)
