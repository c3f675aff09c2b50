"""What the gate answers when a fault is active: the chain's answer, bent as the fault says.

Every call is asked of the chain by itself, so that a batch can be bent in parts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from remora.devnet.faults.board import Board
from remora.devnet.faults.node import (
    DroppedTransaction,
    LaggingHead,
    NodeClose,
    NonceError,
    NullReceipt,
    StuckTransaction,
)
from remora.devnet.faults.occasion import occasion
from remora.devnet.node_gate.lag import bounded, is_hidden
from remora.devnet.node_gate.messages import Call, dumps, refusal, result
from remora.devnet.node_gate.stuck import Signed, StuckPool

Ask = Callable[[Call], Awaitable[dict[str, Any]]]
"""The chain's own answer to a call."""


class Closed(Exception):
    """The connection ends here."""


class Liar:
    """One node's answers while faults are active."""

    def __init__(self, board: Board, node: int, ask: Ask) -> None:
        self.stuck = StuckPool()
        self._board = board
        self._node = node
        self._ask = ask

    async def answer(self, call: Call) -> dict[str, Any]:
        """Return the answer to one call; raise Closed when the connection ends instead."""
        asked = occasion(call.method, dumps(call.params), node=self._node)
        if self._board.take(NodeClose, asked):
            raise Closed
        match call:
            case Call(method="eth_sendRawTransaction", params=(str(raw),)):
                return await self._send(call, raw)
            case Call(method="eth_getTransactionByHash", params=(str(tx_hash),)) if kept := self.stuck.find(tx_hash):
                return result(call, kept)
            case Call(method="eth_getTransactionCount", params=(str(wallet), "pending")):
                return self._counted(call, wallet, await self._ask(call))
        if fault := self._board.take(LaggingHead, asked):
            return await self._lagging(call, fault.blocks)
        return self._received(call, await self._ask(call))

    async def head(self) -> int:
        """Return the chain's last block."""
        answered = await self._ask(Call(id=0, method="eth_blockNumber", params=()))
        return int(answered["result"], 16)

    def _received(self, call: Call, answered: dict[str, Any]) -> dict[str, Any]:
        if call.method != "eth_getTransactionReceipt" or not answered.get("result"):
            return answered
        asked = occasion(call.method, dumps(call.params), dumps(answered["result"]), node=self._node)
        return result(call, None) if self._board.take(NullReceipt, asked) else answered

    async def _send(self, call: Call, raw: str) -> dict[str, Any]:
        signed = Signed.of(raw)
        if signed is None:
            return await self._ask(call)
        asked = occasion(call.method, signed.sender, dumps(signed.shown), node=self._node)
        if fault := self._board.take(NonceError, asked):
            return refusal(call, fault.message)
        if self._board.take(DroppedTransaction, asked):
            return result(call, signed.hash)
        rival = self.stuck.rival(signed)
        if rival is not None and not self.stuck.give_way(signed):
            return refusal(call, "replacement transaction underpriced")
        if rival is None and self._board.take(StuckTransaction, asked):
            self.stuck.keep(signed)
            return result(call, signed.hash)
        return await self._ask(call)

    def _counted(self, call: Call, wallet: str, answered: dict[str, Any]) -> dict[str, Any]:
        if "result" not in answered:
            return answered
        return result(call, hex(self.stuck.next_nonce(wallet, int(answered["result"], 16))))

    async def _lagging(self, call: Call, blocks: int) -> dict[str, Any]:
        visible = await self.head() - blocks
        if call.method == "eth_blockNumber":
            return result(call, hex(visible))
        answered = await self._ask(bounded(call, visible))
        return result(call, None) if is_hidden(call, answered.get("result"), visible) else answered
