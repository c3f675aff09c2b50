"""Sets the stage: a devnet in a process of its own, a funded cast, a fleet with float, and the policy file."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from remora.devnet.accounts import fleet, treasury
from remora.devnet.demo.cast import Cast
from remora.devnet.endpoints import Endpoints
from remora.devnet.funding import Funding
from remora.devnet.rpc import Node, connected
from remora.domain.errors import OperatorError
from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral, Wei

FLOAT_EACH = Collateral(20_000 * ONE)
COIN = Wei.parse("2")
LOW_COIN = Wei.parse("0.05")
"""Below the refuel threshold: some wallets start like this, so that the refuel is seen."""
LOW_WALLETS = 2
TREASURY_COIN = Wei.parse("100")
DAILY_LIMIT = Collateral(10_000 * ONE)
NEVER_S = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where everything happens."""

    folder: Path
    endpoints: Endpoints
    node: Node
    funding: Funding


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
async def staged(folder: Path, cast: Cast, *, block_time_s: float = 1.0, fleet_size: int = 20) -> AsyncIterator[Stage]:
    """Set everything up; leave with the devnet gone."""
    (folder / "policies.yaml").write_text(cast.policy_file())
    async with (
        devnet_process(folder, block_time_s=block_time_s, markets=3) as endpoints,
        connected(endpoints.rpc_url) as node,
    ):
        funding = Funding(node=node, contracts=endpoints.contracts)
        await _fund(funding, cast, fleet_size)
        yield Stage(folder=folder, endpoints=endpoints, node=node, funding=funding)


async def _fund(funding: Funding, cast: Cast, fleet_size: int) -> None:
    wallets = [account.address for account in fleet(fleet_size)]
    low, well = wallets[-LOW_WALLETS:], wallets[:-LOW_WALLETS]
    await funding.fund(well, collateral=FLOAT_EACH, native=COIN)
    await funding.fund(low, collateral=FLOAT_EACH, native=LOW_COIN)
    await funding.fund([treasury().address], native=TREASURY_COIN)
    await funding.add_operators(wallets)
    leaders = [account.address for account in cast.leaders]
    await funding.fund(leaders, collateral=Collateral(100_000 * ONE), approve_exchanges=True)
    await _admit(funding, cast)


async def _admit(funding: Funding, cast: Cast) -> None:
    """Have the followers come in with their collateral, approve the Clearinghouse and join it."""
    by_means: dict[Collateral, list[Address]] = {}
    for follower in cast.followers:
        by_means.setdefault(follower.collateral, []).append(follower.wallet)
    for collateral, wallets in by_means.items():
        await funding.fund(wallets, collateral=collateral, approve_clearinghouse=True)
    everyone: Sequence[Address] = [follower.wallet for follower in cast.followers]
    await funding.join(everyone, daily_limit=DAILY_LIMIT, expires_at_s=NEVER_S)


async def _endpoints(process: asyncio.subprocess.Process, out: Path) -> Endpoints:
    """Wait for the devnet to say where it is."""
    while not out.exists():
        if process.returncode is not None:
            raise OperatorError(f"expected a devnet, found that it ended with exit code {process.returncode}")
        await asyncio.sleep(0.05)
    return Endpoints.read(out)
