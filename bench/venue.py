"""A devnet in a process of its own, whose order book is asked by ours: neither takes the other's processor.

The child (`python -m bench.venue`) prints where it is, then answers each line on stdin with the processor seconds that
it has used so far, and ends with stdin. It serves without the venue's limits: what the server can do is the question.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from remora.devnet.accounts import fleet
from remora.devnet.clob.limits import Limits
from remora.devnet.endpoints import Endpoints
from remora.devnet.launcher import DevnetConfig, running_devnet
from remora.devnet.markets import varied_terms
from remora.domain.money import ONE, Collateral, Shares

TRADERS = 8
_COLLATERAL = Collateral(10_000_000 * ONE)
_SHARES = Shares(1_000_000 * ONE)
_LARGEST_LINE_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """A running devnet with `TRADERS` funded traders, the first wallets of the public test mnemonic."""

    endpoints: Endpoints
    process: Process

    async def cpu_s(self) -> float:
        """Return the seconds of processor time that the server has used so far, the chain's not among them."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        return float(await self.process.stdout.readline())


@asynccontextmanager
async def running_venue(*, core: int | None, block_time_s: float = 1.0) -> AsyncIterator[Venue]:
    """Run a devnet until the context ends; with a `core`, its server has that one only."""
    arguments = [str(block_time_s), *([] if core is None else [str(core)])]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.venue", *arguments), stdin=PIPE, stdout=PIPE, limit=_LARGEST_LINE_BYTES
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        document = (await process.stdout.readuntil(b"\n}\n")).decode()
        yield Venue(endpoints=Endpoints.from_json(document), process=process)
    finally:
        process.stdin.close()
        await process.wait()


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Keep this process on one core, where that is wanted and the system can do it, until the context ends."""
    if core is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def _serve(block_time_s: float, core: int | None) -> None:
    config = DevnetConfig(block_time_s=block_time_s, markets=varied_terms(1), limits=Limits.none())
    async with running_devnet(config) as devnet:
        wallets = [account.address for account in fleet(TRADERS)]
        await devnet.funding.fund(wallets, collateral=_COLLATERAL, approve_exchanges=True)
        for wallet in wallets:
            await devnet.funding.split(wallet, devnet.endpoints.markets[0], _SHARES)
        with pinned(core):
            sys.stdout.write(devnet.endpoints.to_json() + "\n")
            sys.stdout.flush()
            await asyncio.to_thread(_answer)


def _answer() -> None:
    while sys.stdin.readline():
        sys.stdout.write(f"{time.process_time()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None))  # noqa: PLR2004 - the core is the second argument
