"""What the gate answers when a fault is active: the chain's answer, bent as the fault says.

Every call is asked of the chain by itself, so that a batch can be bent in parts.
"""

from __future__ import annotations

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
from remora.devnet.faults.occasion import Occasion, occasion
from remora.devnet.node_gate.lag import bounded, is_hidden
from remora.devnet.node_gate.messages import Call, dumps, refusal, result
from remora.devnet.node_gate.steady import Ask, head
from remora.devnet.node_gate.stuck import Signed, StuckPool


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
        """Return the number of the chain's last block."""
        return await head(self._ask)

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
        is_replacement = self.stuck.rival(signed) is not None
        if words := self._objection(signed, asked):
            return refusal(call, words)
        if self._swallows(signed, asked, is_replacement=is_replacement):
            return result(call, signed.hash)
        return await self._ask(call)

    def _objection(self, signed: Signed, asked: Occasion) -> str | None:
        """Return the words in which the node refuses a transaction; one that pays more takes its rival's place."""
        if self.stuck.find(signed.hash):
            return "already known"
        if fault := self._board.take(NonceError, asked):
            return fault.message
        if self.stuck.rival(signed) and not self.stuck.give_way(signed):
            return "replacement transaction underpriced"
        return None

    def _swallows(self, signed: Signed, asked: Occasion, *, is_replacement: bool) -> bool:
        """Tell whether a transaction is accepted and kept from the chain, or forgotten; a replacement is not kept."""
        if self._board.take(DroppedTransaction, asked):
            return True
        if not is_replacement and self._board.take(StuckTransaction, asked):
            self.stuck.keep(signed)
            return True
        return False

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
