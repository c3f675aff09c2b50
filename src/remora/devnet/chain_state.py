"""Saves the chain's whole state and brings it back, as often as wanted and in any order.

What a snapshot must survive decides how it is kept. `evm_snapshot` alone is undone by use: a revert forgets it, and
every later one. `anvil_loadState` alone merges: what was written since stays. So the chain is reverted to its first
block, which is empty, and a dump is loaded onto it. A dump is a text outside of the chain, so neither reorgs nor other
restores touch it. Blocks, receipts and logs are in it; states of older blocks are not (anvil 1.5.1 loads them, and then
answers from an empty state after a reorg). Pending transactions are in no dump: they are mined before. A block that is
mined meanwhile would tear dump or chain apart, so mining is paused.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from remora.devnet.mining import Mining
from remora.devnet.rpc import Node
from remora.domain.errors import InvariantBroken, Refused

#: More blocks than it takes to mine all that a pool holds.
_MOST_BLOCKS = 100


class ChainState:
    """One chain, from `begin` on."""

    def __init__(self, node: Node, mining: Mining) -> None:
        self._node = node
        self._mining = mining
        self._empty = ""
        self._oldest_block = 0

    async def begin(self) -> None:
        """Remember the empty chain; nothing may have happened on it."""
        self._empty = await self._node.call("evm_snapshot")

    def still(self) -> AbstractAsyncContextManager[None]:
        """Have no blocks mined while the context lasts, as `save` and `restore` need it."""
        return self._mining.paused()

    async def mine_pending(self) -> None:
        """Mine what is pending; what waits for a missing nonce stays where it is."""
        for _ in range(_MOST_BLOCKS):
            if int((await self._node.call("txpool_status"))["pending"], 16) == 0:
                return
            await self._node.call("evm_mine")

    async def save(self) -> str:
        """Return the state, without what is pending."""
        dumped: str = await self._node.call("anvil_dumpState")
        return dumped

    async def restore(self, dumped: str, now_s: int) -> None:
        """Make the chain what it was; from then on it is `now_s` there. Pending transactions are dropped."""
        await self._node.call("anvil_dropAllTransactions")
        if not await self._node.call("evm_revert", self._empty):
            raise InvariantBroken("the chain has lost its first block: no snapshot can be restored any more")
        await self.begin()
        await self._node.call("anvil_loadState", dumped)
        await self.set_time(now_s)
        self._oldest_block = int(await self._node.call("eth_blockNumber"), 16)

    async def advance(self, seconds: int) -> None:
        """Let the chain's time jump forward, with a block that says so."""
        await self._node.call("evm_increaseTime", seconds)
        await self._node.call("evm_mine")

    async def set_time(self, now_s: int) -> None:
        """Let it be `now_s` from the next block on, and go on from there."""
        await self._node.call("evm_setTime", now_s)

    async def reorganise(self, depth: int, now_s: int) -> None:
        """Put empty blocks in the place of the last ones; it is `now_s` from then on.

        Nobody may read the chain or send to it meanwhile, and no block may come: anvil empties its state and fills it
        again account by account, and a block that it mines while it does leaves a hole in the chain for good.
        """
        await self._node.call("anvil_reorg", depth, [])
        await self.set_time(now_s)  # anvil goes on from the time of the block before

    async def check_reorg(self, depth: int) -> None:
        """Raise `Refused` for a reorg to a block of which the restored chain has no state."""
        if int(await self._node.call("eth_blockNumber"), 16) - depth < self._oldest_block:
            raise Refused(f"block {self._oldest_block} was restored from a snapshot, and no state is known before it")
