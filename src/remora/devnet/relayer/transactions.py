"""The relayer's transactions: simulated, sent, and afterwards told from their receipts.

They are sent by the factory's operator, which anvil lets act without a signature. A wallet has one batch in flight.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from enum import StrEnum

from eth_abi.abi import encode

from remora.devnet.clob.refusals import Refusal
from remora.devnet.deployment import RELAYER
from remora.devnet.relayer.requests import Batch
from remora.devnet.rpc import Node
from remora.devnet.wallets import deployment
from remora.domain.errors import Refused
from remora.domain.ids import Address

#: proxy((address,uint256,uint256,(address,uint256,bytes)[])[],bytes[])
_PROXY = bytes.fromhex("0a3c4405")
_PROXY_TYPES = ("(address,uint256,uint256,(address,uint256,bytes)[])[]", "bytes[]")
_NONCE = bytes.fromhex("affed0e0")
_GAS = hex(5_000_000)
_GAS_PRICE = hex(100 * 10**9)
_CONFIRMATIONS_BLOCKS = 1
_POLL_S = 0.05
#: Less than the SDK waits for an answer.
_PATIENCE_S = 8


class State(StrEnum):
    """How far a transaction is; CONFIRMED and FAILED are final."""

    NEW = "STATE_NEW"
    MINED = "STATE_MINED"
    CONFIRMED = "STATE_CONFIRMED"
    FAILED = "STATE_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """A transaction that was sent."""

    id: str
    hash: str


class Transactions:
    """What the relayer has sent."""

    def __init__(self, node: Node, factory: str) -> None:
        self._node = node
        self._factory = factory
        self._by_id: dict[str, Relayed] = {}
        self._last_of: dict[str, Relayed] = {}
        self._executing = asyncio.Lock()

    async def is_deployed(self, wallet: str) -> bool:
        """Tell whether there is code at an address."""
        code: str = await self._node.call("eth_getCode", wallet, "latest")
        return len(code) > len("0x")

    async def nonce_of(self, wallet: str) -> int:
        """Return the nonce that a wallet's next batch needs, once nothing of it is in flight.

        Raise TimeoutError when no block takes what is.
        """
        async with asyncio.timeout(_PATIENCE_S):
            while await self._is_busy(wallet):
                await asyncio.sleep(_POLL_S)
        return await self._nonce(wallet)

    async def create(self, owner: str) -> Relayed:
        """Have the factory make an owner's wallet; refuse when it cannot."""
        return await self._send(deployment([owner]))

    async def execute(self, batch: Batch) -> Relayed:
        """Have the factory hand a batch to its wallet; refuse it when it would revert."""
        async with self._executing:
            return await self._execute(batch)

    async def _execute(self, batch: Batch) -> Relayed:
        if await self._is_busy(batch.wallet):
            raise Refusal(f"wallet has in-flight action: {batch.wallet}")
        nonce = await self._nonce(batch.wallet)
        if batch.nonce != nonce:
            raise Refusal(f"batch nonce {batch.nonce} does not match on-chain nonce {nonce}")
        calls = [(call.target, call.value, call.data) for call in batch.calls]
        request = (batch.wallet, batch.nonce, batch.deadline_s, calls)
        relayed = await self._send(_PROXY + encode(_PROXY_TYPES, ([request], [batch.signature])))
        self._last_of[batch.wallet] = relayed
        return relayed

    def find(self, transaction_id: str) -> Relayed | None:
        """Return a transaction by its id."""
        return self._by_id.get(transaction_id)

    async def state_of(self, relayed: Relayed) -> State:
        """Return how far a transaction is by now."""
        receipt = await self._node.call("eth_getTransactionReceipt", relayed.hash)
        if receipt is None:
            return State.NEW
        if int(receipt["status"], 16) != 1:
            return State.FAILED
        blocks = int(await self._node.call("eth_blockNumber"), 16) - int(receipt["blockNumber"], 16)
        return State.CONFIRMED if blocks >= _CONFIRMATIONS_BLOCKS else State.MINED

    async def _is_busy(self, wallet: str) -> bool:
        last = self._last_of.get(wallet)
        return last is not None and await self.state_of(last) is State.NEW

    async def _nonce(self, wallet: str) -> int:
        # Where no wallet is yet, nothing is answered: its first nonce will be 0.
        return int.from_bytes(await self._node.view(Address(wallet), _NONCE))

    async def _send(self, data: bytes) -> Relayed:
        transaction = {"from": RELAYER, "to": self._factory, "data": "0x" + data.hex(), "gas": _GAS}
        try:
            await self._node.call("eth_call", transaction, "latest")
        except Refused as refused:
            raise Refusal(f"simulation failed: {refused}") from None
        tx_hash = await self._node.call("eth_sendTransaction", {**transaction, "gasPrice": _GAS_PRICE})
        relayed = Relayed(id=str(uuid.uuid4()), hash=tx_hash)
        self._by_id[relayed.id] = relayed
        return relayed
