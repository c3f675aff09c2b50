"""When blocks come: at an interval that can be changed, and not at all while somebody has mining paused.

anvil mines at whole seconds by itself. It takes fractions of a second only at its start, so whoever has stopped it once
mines these blocks from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from remora.devnet.rpc import Node
from remora.domain.ids import ZERO_ADDRESS

#: What a block that anvil has begun may take before it holds the state, and after it has let go of it.
_UNSEEN_S = 0.05


class Mining:
    """The blocks of one chain, which was started with an interval of `interval_s` seconds."""

    def __init__(self, node: Node, interval_s: float) -> None:
        self._node = node
        self._interval_s = interval_s
        self._ticking: asyncio.Task[None] | None = None
        self._held = asyncio.Lock()
        self._is_by_anvil = True

    async def set_interval(self, interval_s: float) -> None:
        """Let blocks come every so many seconds from now on."""
        await self.stop()
        self._interval_s = interval_s
        await self._go_on()

    async def stop(self) -> None:
        """Let no blocks come; one that is being mined is there when this returns."""
        self._is_by_anvil = False
        await self._node.call("evm_setIntervalMining", 0)
        await self.end()
        # anvil mines one after another: whatever it had begun comes before this one.
        await self._node.call("evm_mine")

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Let no blocks come by themselves while the context lasts."""
        await self.stop()
        try:
            yield
        finally:
            await self.set_interval(self._interval_s)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Let no blocks come by themselves while the context lasts; unlike `paused`, mine none to be sure of it."""
        async with self._held:
            if is_by_anvil := self._is_by_anvil:
                await self._node.call("evm_setIntervalMining", 0)
                await self._finished()
            try:
                yield
            finally:
                if is_by_anvil:
                    self._is_by_anvil = False  # whoever mines fractions of a second is here from now on
                    await self._go_on()

    async def end(self) -> None:
        """Mine no more from here; the chain may be gone already."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.wait({self._ticking})
            self._ticking = None

    async def _go_on(self) -> None:
        if self._interval_s == int(self._interval_s):
            await self._node.call("evm_setIntervalMining", int(self._interval_s))
            self._is_by_anvil = True
        else:
            self._ticking = asyncio.create_task(self._tick())

    async def _finished(self) -> None:
        """Return when anvil, which begins no more blocks, has finished the last one."""
        number = None
        while number != (number := await self._node.call("eth_blockNumber")):
            await asyncio.sleep(_UNSEEN_S)
            await self._node.call("eth_getBalance", ZERO_ADDRESS, "latest")  # waits for who writes the newest state
            await asyncio.sleep(_UNSEEN_S)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            async with self._held:
                with suppress(aiohttp.ClientError, TimeoutError):  # the chain is asked again
                    await self._node.call("evm_mine")


@asynccontextmanager
async def mining(node: Node, interval_s: float) -> AsyncIterator[Mining]:
    """Yield the mining of a chain that was started with this interval, and leave no task behind."""
    blocks = Mining(node, interval_s)
    try:
        yield blocks
    finally:
        await blocks.end()
