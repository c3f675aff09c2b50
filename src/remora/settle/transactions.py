"""Account transactions: recorded with hash and nonce before they are broadcast, then followed until a block has them.

Each wallet's transactions leave in the order of its account nonce; different wallets do not wait for each other.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager

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
        self._followed: set[TxHash] = set()

    def is_followed(self, tx_hash: TxHash) -> bool:
        """Tell whether somebody waits for the transaction, or is about to record what became of it."""
        return tx_hash in self._followed

    @asynccontextmanager
    async def sent(
        self, wallet: Address, call: Call, *, purpose: str, legs: Sequence[Leg] = ()
    ) -> AsyncIterator[Receipt]:
        """Record, broadcast, wait until a block has it, and yield the receipt; the caller records what it means.

        Raises Refused when the node proved not to take it: then nothing is recorded any more.
        """
        with ExitStack() as until_recorded:
            async with self._turns[wallet]:
                transaction = await self._next(wallet, call)
                signed = self._signer.sign_transaction(transaction)
                until_recorded.enter_context(self._following(signed.tx_hash))
                await self._store.record_transaction(
                    transaction, signed.tx_hash, purpose=purpose, legs=legs, sent_us=self._clock.now_us()
                )
                await self._broadcast(signed)
            yield await self._mined(signed)

    @asynccontextmanager
    async def followed(self, earlier: SentTransaction) -> AsyncIterator[Receipt]:
        """Go on with a transaction that an earlier process recorded: hand it over again and wait for its block."""
        signed = self._signer.sign_transaction(earlier.transaction)
        with self._following(signed.tx_hash):
            if await self._receipt(signed.tx_hash) is None:
                async with self._turns[earlier.transaction.wallet]:
                    await self._broadcast(signed)
            yield await self._mined(signed)

    @contextmanager
    def _following(self, tx_hash: TxHash) -> Iterator[None]:
        self._followed.add(tx_hash)
        try:
            yield
        finally:
            self._followed.discard(tx_hash)

    async def _next(self, wallet: Address, call: Call) -> Transaction:
        return Transaction(
            chain_id=self._chain_id,
            wallet=wallet,
            nonce=await self._free_nonce(wallet),
            call=call,
            gas_price=await self._chain.gas_price(),
        )

    async def _free_nonce(self, wallet: Address) -> int:
        """Return the lowest account nonce that neither the chain nor a recorded transaction has used.

        The lowest, because a transaction that was discarded leaves a gap which holds up all that come after it.
        """
        nonce = await self._chain.account_nonce(wallet)
        recorded = await self._store.recorded_nonces(wallet)
        while nonce in recorded:
            nonce += 1
        return nonce

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
