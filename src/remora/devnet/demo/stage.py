"""Sets the stage: a devnet in a process of its own, a funded cast with its policies, and a fleet with float."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from remora.adapters.store.database import opened
from remora.bootstrap.rules import registry_on
from remora.devnet.accounts import fleet, treasury
from remora.devnet.demo.cast import Cast
from remora.devnet.endpoints import Endpoints
from remora.devnet.funding import Funding
from remora.devnet.rpc import Node, connected
from remora.devnet.supervised import supervisor_environment
from remora.domain.errors import OperatorError
from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral, Wei
from remora.settings.policies.writer import written

LOW_COIN = Wei.parse("0.05")
"""Below the refuel threshold: some wallets start like this, so that the refuel is seen."""
LEADER_COLLATERAL = Collateral(100_000 * ONE)
DAILY_LIMIT = Collateral(10_000 * ONE)
NEVER_S = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where everything happens: a devnet, a folder for a supervisor, and the operator wallets that it will use.

    The wallets come from the public test mnemonic, from derivation index `fleet_start` on.
    """

    folder: Path
    endpoints: Endpoints
    node: Node
    funding: Funding
    fleet: tuple[Address, ...]
    fleet_start: int

    @classmethod
    def on(cls, endpoints: Endpoints, node: Node, folder: Path, *, fleet_size: int, fleet_start: int = 0) -> Stage:
        """Return a stage on a running devnet; it is bare until a cast is admitted."""
        return cls(
            folder=folder,
            endpoints=endpoints,
            node=node,
            funding=Funding(node=node, contracts=endpoints.contracts),
            fleet=tuple(account.address for account in fleet(fleet_size, start=fleet_start)),
            fleet_start=fleet_start,
        )

    @property
    def database(self) -> Path:
        """The supervisor's database."""
        return self.folder / "remora.db"

    def environment(self) -> dict[str, str]:
        """Return the environment variables of a supervisor on this stage."""
        return {
            **supervisor_environment(self.endpoints),
            "REMORA_DATABASE": self.database.name,
            "REMORA_FLEET_SIZE": str(len(self.fleet)),
            "REMORA_FLEET_START_INDEX": str(self.fleet_start),
        }

    async def admit(self, cast: Cast, *, low_wallets: int = 0) -> None:
        """Give fleet and cast their means, have the followers join, and import their policies.

        The last `low_wallets` operator wallets get less native coin than they will need.
        """
        await self._import(cast)
        rich = len(self.fleet) - low_wallets
        await self.funding.equip_fleet(self.fleet[:rich], treasury().address)
        await self.funding.equip_fleet(self.fleet[rich:], treasury().address, native=LOW_COIN)
        leaders = [account.address for account in cast.leaders]
        await self.funding.fund(leaders, collateral=LEADER_COLLATERAL, approve_exchanges=True)
        await self._admit_followers(cast)

    async def _import(self, cast: Cast) -> None:
        with opened(self.database) as writer:
            await registry_on(writer).take_in(
                written(cast.rulebook()), "the cast", replace=True, add_leaders=True, keep_lots=True
            )

    async def _admit_followers(self, cast: Cast) -> None:
        """Have the followers come in with their collateral, approve the Clearinghouse and join it."""
        by_means: dict[Collateral, list[Address]] = {}
        for follower in cast.followers:
            by_means.setdefault(follower.collateral, []).append(follower.wallet)
        for collateral, wallets in by_means.items():
            await self.funding.fund(wallets, collateral=collateral, approve_clearinghouse=True)
        everyone = [follower.wallet for follower in cast.followers]
        await self.funding.join(everyone, daily_limit=DAILY_LIMIT, expires_at_s=NEVER_S)


@asynccontextmanager
async def devnet_process(folder: Path, *, block_time_s: float, markets: int) -> AsyncIterator[Endpoints]:
    """Run `remora devnet` beside us, until the context ends or we die."""
    out = folder / "devnet.json"
    options = ["--block-time", str(block_time_s), "--markets", str(markets), "--out", str(out), "--exit-with-parent"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "remora", "devnet", *options,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield await _endpoints(process, out)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def staged(folder: Path, *, fleet_size: int, block_time_s: float = 1.0) -> AsyncIterator[Stage]:
    """Set a stage on a devnet of its own; leave with the devnet gone."""
    async with (
        devnet_process(folder, block_time_s=block_time_s, markets=5) as endpoints,
        connected(endpoints.rpc_url) as node,
    ):
        yield Stage.on(endpoints, node, folder, fleet_size=fleet_size)


async def _endpoints(process: asyncio.subprocess.Process, out: Path) -> Endpoints:
    """Wait for the devnet to say where it is."""
    while not out.exists():
        if process.returncode is not None:
            raise OperatorError(f"expected a devnet, found that it ended with exit code {process.returncode}")
        await asyncio.sleep(0.05)
    return Endpoints.read(out)
