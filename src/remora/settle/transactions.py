"""Account transactions: recorded with hash and nonce before they are broadcast, then followed until a block has them.

Each wallet's transactions leave in the order of its account nonce; different wallets do not wait for each other.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import structlog

from remora.domain.chain import Receipt
from remora.domain.errors import OutcomeUnknown, Refused, Retryable
from remora.domain.ids import Address, TxHash
from remora.domain.order import Leg
from remora.domain.records import SentTransaction
from remora.domain.transaction import Call, SignedTransaction, Transaction
from remora.ports import ChainReader, Clock, SettlementStore, Signer, TxSender

log = structlog.get_logger()

POLL_S = 0.25
"""How often a receipt is asked for."""

REBROADCAST_AFTER_S = 20.0
"""A transaction that no block has by then is handed to the node again; it is the same one, so that is safe."""


class Transactor:
    """Sends calls from our wallets."""

    def __init__(
        self,
        *,
        chain_id: int,
        chain: ChainReader,
        sender: TxSender,
        signer: Signer,
        store: SettlementStore,
        clock: Clock,
    ) -> None:
        self._chain_id = chain_id
        self._chain = chain
        self._sender = sender
        self._signer = signer
        self._store = store
        self._clock = clock
        self._turns: defaultdict[Address, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def send(self, wallet: Address, call: Call, *, purpose: str, legs: Sequence[Leg] = ()) -> Receipt:
        """Record, broadcast, and wait until a block has it; the caller records what the receipt means.

        Raises Refused when the node proved not to take it: then nothing is recorded any more.
        """
        async with self._turns[wallet]:
            signed = await self._record(wallet, call, purpose, legs)
            await self._broadcast(signed)
        return await self._mined(signed)

    async def follow(self, sent: SentTransaction) -> Receipt:
        """Go on with a transaction that an earlier process recorded: hand it over again and wait for its block."""
        signed = self._signer.sign_transaction(sent.transaction)
        found = await self._receipt(signed.tx_hash)
        if found is None:
            async with self._turns[sent.transaction.wallet]:
                await self._broadcast(signed)
        return await self._mined(signed)

    async def _record(self, wallet: Address, call: Call, purpose: str, legs: Sequence[Leg]) -> SignedTransaction:
        recorded = await self._store.next_nonce(wallet)
        nonce = max(recorded, await self._chain.account_nonce(wallet))
        transaction = Transaction(
            chain_id=self._chain_id,
            wallet=wallet,
            nonce=nonce,
            call=call,
            gas_price=await self._chain.gas_price(),
        )
        signed = self._signer.sign_transaction(transaction)
        await self._store.record_transaction(
            transaction, signed.tx_hash, purpose=purpose, legs=legs, sent_us=self._clock.now_us()
        )
        return signed

    async def _broadcast(self, signed: SignedTransaction) -> None:
        """Hand a recorded transaction to the node, again and again while the node does not look at it."""
        while True:
            try:
                await self._sender.broadcast(signed)
            except Retryable as busy:
                log.warning("transaction_not_taken_yet", tx_hash=signed.tx_hash, error=str(busy))
                await self._clock.sleep(busy.delay_s)
                continue
            except OutcomeUnknown as unknown:
                log.warning("transaction_unresolved", tx_hash=signed.tx_hash, error=str(unknown))
            except Refused as refusal:
                # "nonce too low" is also the answer for a transaction that a block has already.
                if await self._receipt(signed.tx_hash) is None:
                    log.warning("transaction_refused", tx_hash=signed.tx_hash, error=refusal.reason)
                    await self._store.discard_transaction(signed.tx_hash)
                    raise
            return

    async def _mined(self, signed: SignedTransaction) -> Receipt:
        waited_s = 0.0
        while True:
            receipt = await self._receipt(signed.tx_hash)
            if receipt is not None:
                return receipt
            await self._clock.sleep(POLL_S)
            waited_s += POLL_S
            if waited_s >= REBROADCAST_AFTER_S:
                waited_s = 0.0
                await self._broadcast(signed)

    async def _receipt(self, tx_hash: TxHash) -> Receipt | None:
        try:
            return await self._chain.receipt(tx_hash)
        except Retryable:
            return None
