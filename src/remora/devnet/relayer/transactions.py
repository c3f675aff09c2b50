"""The relayer's transactions: simulated, sent, and afterwards told from their receipts.

They are sent by the factory's operator, which anvil lets act without a signature. A wallet has one batch in flight.
What already reverts in the simulation is never sent: it is invalid from the start.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eth_utils.crypto import keccak

from remora.devnet.clob.refusals import Refusal
from remora.devnet.deployment import RELAYER
from remora.devnet.relayer.batches import Batch, Counter, Creation
from remora.devnet.remembering import Remembering
from remora.devnet.rpc import Node
from remora.domain.errors import Refused
from remora.domain.ids import Address

_GAS = hex(5_000_000)
_GAS_PRICE = hex(100 * 10**9)
_CONFIRMATIONS_BLOCKS = 1
_POLL_S = 0.05
#: Less than the SDK waits for an answer.
_PATIENCE_S = 8
#: What the relay hub tells of a call: its selector, how it went (0: well) and the charge, a word each.
_RELAYED = "0x" + keccak(text="TransactionRelayed(address,address,address,bytes4,uint8,uint256)").hex()
_REVERTED = "execution reverted"


class State(StrEnum):
    """How far a transaction is; CONFIRMED, INVALID (never sent) and FAILED (reverted on chain) are final."""

    NEW = "STATE_NEW"
    EXECUTED = "STATE_EXECUTED"
    MINED = "STATE_MINED"
    CONFIRMED = "STATE_CONFIRMED"
    INVALID = "STATE_INVALID"
    FAILED = "STATE_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """A transaction that was sent, with its hash, or one that was not, with the reason."""

    id: str
    hash: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a transaction is, and what went wrong with it."""

    state: State
    fault: str = ""


class Transactions(Remembering):
    """What the relayer has sent."""

    remembered = ("_by_id", "_last_of")

    def __init__(self, node: Node) -> None:
        self._node = node
        self._by_id: dict[str, Relayed] = {}
        self._last_of: dict[str, Relayed] = {}
        self._active: set[str] = set()
        self._sending = asyncio.Lock()

    async def is_deployed(self, wallet: str) -> bool:
        """Tell whether there is code at an address."""
        code: str = await self._node.call("eth_getCode", wallet, "latest")
        return len(code) > len("0x")

    async def nonce_of(self, wallet: str, counter: Counter) -> int:
        """Return the nonce that a wallet's next batch needs, once nothing of it is in flight.

        Raise TimeoutError when no block takes what is.
        """
        async with asyncio.timeout(_PATIENCE_S):
            while wallet in self._active or await self._is_in_flight(wallet):
                await asyncio.sleep(_POLL_S)
        return await self._nonce(counter)

    async def create(self, creation: Creation) -> Relayed:
        """Have a wallet made."""
        return await self._send(creation.to, creation.data)

    async def execute(self, batch: Batch) -> Relayed:
        """Have a wallet make a batch's calls; refuse what does not come next for it."""
        if batch.wallet in self._active:
            raise Refusal(f"wallet busy: {batch.wallet} has an active action")
        self._active.add(batch.wallet)
        try:
            await self._check_turn(batch)
            relayed = self._last_of[batch.wallet] = await self._send(batch.to, batch.data)
        finally:
            self._active.remove(batch.wallet)
        return relayed

    def find(self, transaction_id: str) -> Relayed | None:
        """Return a transaction by its id."""
        return self._by_id.get(transaction_id)

    async def progress_of(self, relayed: Relayed) -> Progress:
        """Return how far a transaction is by now."""
        if relayed.fault:
            return Progress(state=State.INVALID, fault=relayed.fault)
        receipt = await self._node.call("eth_getTransactionReceipt", relayed.hash)
        if receipt is None:
            return Progress(state=State.EXECUTED)
        if int(receipt["status"], 16) != 1:
            return Progress(state=State.FAILED, fault=await self._reason(receipt))
        if any(map(_tells_a_failure, receipt["logs"])):
            return Progress(state=State.FAILED, fault=f"relayed call failed: {_REVERTED}")
        blocks = int(await self._node.call("eth_blockNumber"), 16) - int(receipt["blockNumber"], 16)
        return Progress(state=State.CONFIRMED if blocks >= _CONFIRMATIONS_BLOCKS else State.MINED)

    async def _check_turn(self, batch: Batch) -> None:
        if await self._is_in_flight(batch.wallet):
            raise Refusal(f"wallet has in-flight action: {batch.wallet}")
        if not batch.makes_wallet and not await self.is_deployed(batch.wallet):
            raise Refusal(f"wallet is not deployed: {batch.wallet}")
        nonce = await self._nonce(batch.counter)
        if batch.nonce != nonce:
            raise Refusal(f"batch nonce {batch.nonce} does not match on-chain nonce {nonce}")

    async def _is_in_flight(self, wallet: str) -> bool:
        last = self._last_of.get(wallet)
        return last is not None and (await self.progress_of(last)).state is State.EXECUTED

    async def _nonce(self, counter: Counter) -> int:
        # Where no wallet is yet, nothing is answered: its first nonce will be 0.
        return int.from_bytes(await self._node.view(Address(counter.contract), counter.question))

    async def _send(self, to: str, data: bytes) -> Relayed:
        transaction = {"from": RELAYER, "to": to, "data": "0x" + data.hex(), "gas": _GAS}
        try:
            await self._node.call("eth_call", transaction, "latest")
        except Refused as refused:
            return self._kept(Relayed(id=str(uuid.uuid4()), fault=str(refused)))
        async with self._sending:
            tx_hash = await self._node.call("eth_sendTransaction", {**transaction, "gasPrice": _GAS_PRICE})
        return self._kept(Relayed(id=str(uuid.uuid4()), hash=tx_hash))

    def _kept(self, relayed: Relayed) -> Relayed:
        self._by_id[relayed.id] = relayed
        return relayed

    async def _reason(self, receipt: Mapping[str, Any]) -> str:
        """Return why a transaction reverted: what the same one would say after its block."""
        sent = await self._node.call("eth_getTransactionByHash", receipt["transactionHash"])
        again = {"from": sent["from"], "to": sent["to"], "data": sent["input"]}
        try:
            await self._node.call("eth_call", again, receipt["blockNumber"])
        except Refused as refused:
            return str(refused)
        return _REVERTED


def _tells_a_failure(log: Mapping[str, Any]) -> bool:
    return bool(log["topics"][0] == _RELAYED and int(log["data"][66:130], 16) != 0)
