"""Account transactions: recorded with hash and nonce before they are broadcast, then pursued until a block has them.

Each wallet's transactions leave in the order of its account nonce, without waiting for each other's blocks; different
wallets do not wait for each other at all. None leaves that its wallet cannot pay for.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

import structlog

from remora.domain.chain import Receipt
from remora.domain.errors import Retryable
from remora.domain.floats import FloatTransfer
from remora.domain.ids import Address
from remora.domain.money import Wei
from remora.domain.order import Leg
from remora.domain.records import SentTransaction
from remora.domain.transaction import Call, GasPrice, Transaction
from remora.ports import ChainReader, Clock, SettlementStore, Signer, TxSender
from remora.settle.fees import FeeRules, bounded
from remora.settle.pursuit import Attempt, Pursuer, Pursuit
from remora.settle.roots import Roots

log = structlog.get_logger()

ROOM_AFTER_S = 1.0
"""How often a wallet is looked at that cannot pay for more while its earlier transactions are pending."""

FINAL_AFTER_S = 86_400
"""A transaction that is older is final: a node that has forgotten it is not believed."""

US = 1_000_000


class GasLow(Retryable):
    """A wallet holds too little native coin for what it shall send; nothing happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one transaction carries: a call, and the legs that it settles or the float that it transfers."""

    call: Call
    legs: Sequence[Leg] = ()
    transfer: FloatTransfer | None = None


Loading = Callable[[int], Load | None]
"""Says what goes into a transaction of so much gas at most; None when that is too little for anything."""


class Transactor:
    """Sends calls from our wallets."""

    def __init__(
        self,
        *,
        chain_id: int,
        rules: FeeRules,
        chain: ChainReader,
        sender: TxSender,
        signer: Signer,
        store: SettlementStore,
        clock: Clock,
    ) -> None:
        self._chain_id = chain_id
        self._rules = rules
        self._chain = chain
        self._signer = signer
        self._store = store
        self._clock = clock
        self._pursuer = Pursuer(rules=rules, chain=chain, sender=sender, signer=signer, store=store, clock=clock)
        self._turns: defaultdict[Address, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._pursued: dict[tuple[Address, int], Pursuit] = {}
        #: The pursuits that were broken off while their wallet held too little, until somebody takes them up again.
        self._broken_off: dict[tuple[Address, int], Pursuit] = {}
        self._roots = Roots(chain=chain, ends=store.blocks_since, clock=clock)

    def is_pursued(self, earlier: SentTransaction) -> bool:
        """Tell whether somebody waits for the account nonce, or is about to record what became of it."""
        return (earlier.transaction.wallet, earlier.transaction.nonce) in self._pursued

    def stuck(self) -> list[Transaction]:
        """Return the transactions that no block takes for what they offer, and that may not offer more."""
        return [pursuit.latest for pursuit in self._pursued.values() if pursuit.is_stuck]

    def needed(self) -> Mapping[Address, Wei]:
        """Return what wallets must hold that hold too little to offer more for a transaction."""
        lacking = [pursuit for pursuit in (self._broken_off | self._pursued).values() if pursuit.needed]
        return {
            wallet: max(pursuit.needed for pursuit in lacking if pursuit.wallet == wallet)
            for wallet in {pursuit.wallet for pursuit in lacking}
        }

    @asynccontextmanager
    async def sent(
        self, wallet: Address, loading: Loading, *, purpose: str
    ) -> AsyncIterator[tuple[Receipt, Sequence[Leg]]]:
        """Record, broadcast, wait until a block has it, and yield receipt and legs; the caller records what they mean.

        Raises Refused when no block will have it: then nothing is recorded any more. GasLow when the wallet can pay for
        nothing, though none of its transactions is pending.
        """
        with ExitStack() as until_recorded:
            async with self._turns[wallet]:
                pursuit, load = await self._next(wallet, loading, purpose)
                until_recorded.enter_context(self._pursuing(pursuit))
                await self._record(pursuit, load.transfer)
                await self._pursuer.broadcast(pursuit)
            yield await self._pursuer.mined(pursuit), pursuit.legs

    @asynccontextmanager
    async def followed(self, earlier: SentTransaction) -> AsyncIterator[tuple[Receipt, Sequence[Leg]]]:
        """Go on with what an earlier process recorded: hand it over again and wait for its block."""
        attempts = [self._attempt(each) for each in (*earlier.earlier, earlier.transaction)]
        pursuit = Pursuit(attempts=attempts, purpose=earlier.purpose, legs=earlier.legs)
        with self._pursuing(pursuit):
            if await self._pursuer.receipt(pursuit) is None:
                await self._pursuer.broadcast(pursuit)
            yield await self._pursuer.mined(pursuit), pursuit.legs

    async def find_uprooted(self) -> None:
        """Find the transactions of blocks that the chain has no more: their end is asked for again.

        Most have the same one in another block. What a leg came to may be different there.
        """
        if gone := await self._roots.gone():
            count = await self._store.reopen_blocks(gone)
            log.warning("transactions_uprooted", blocks=[block.number for block in gone], count=count)

    async def _reopen(self, wallet: Address, first_nonce: int) -> bool:
        since_us = self._clock.now_us() - FINAL_AFTER_S * US
        count = await self._store.reopen_transactions(wallet, first_nonce, mined_since_us=since_us)
        if count:
            log.warning("transactions_uprooted", wallet=wallet, first_nonce=first_nonce, count=count)
        return bool(count)

    @contextmanager
    def _pursuing(self, pursuit: Pursuit) -> Iterator[None]:
        key = (pursuit.wallet, pursuit.nonce)
        self._pursued[key] = pursuit
        self._broken_off.pop(key, None)
        try:
            yield
        except asyncio.CancelledError:
            # What it found out is worth a refuel: a process that never waits long enough would find it out for ever.
            self._broken_off[key] = pursuit
            raise
        finally:
            del self._pursued[key]

    async def _next(self, wallet: Address, loading: Loading, purpose: str) -> tuple[Pursuit, Load]:
        """Return the wallet's next transaction with its load, once it can pay for one beside those that are pending."""
        while True:
            nonce, reserved = await self._free_nonce(wallet)
            fees = bounded(await self._chain.gas_price(), self._rules.most)
            (balance,) = await self._chain.native_of([wallet])
            free = balance - Wei(sum(bound.units for bound in reserved.values()))
            load = loading(max(0, free.units) // max(1, fees.max_fee.units))
            if load is not None:
                transaction = self._transaction(wallet, nonce, load.call, fees)
                if transaction.bound <= free:
                    return Pursuit(attempts=[self._attempt(transaction)], purpose=purpose, legs=load.legs), load
            if not reserved:
                raise GasLow(f"wallet {wallet} holds {balance}, too little for a {purpose} at {fees.max_fee} per gas")
            await self._clock.sleep(ROOM_AFTER_S)

    def _transaction(self, wallet: Address, nonce: int, call: Call, fees: GasPrice) -> Transaction:
        return Transaction(chain_id=self._chain_id, wallet=wallet, nonce=nonce, call=call, gas_price=fees)

    def _attempt(self, transaction: Transaction) -> Attempt:
        return Attempt(transaction=transaction, signed=self._signer.sign_transaction(transaction))

    async def _free_nonce(self, wallet: Address) -> tuple[int, Mapping[int, Wei]]:
        """Return the lowest account nonce that neither the chain nor a recorded transaction has used, and the latter.

        The lowest, because a transaction that was discarded leaves a gap which holds up all that come after it. One
        that a block had and has no more keeps its nonce: it is sent again. What is recorded is read first: what ends
        between the two readings then counts as used, not as free.
        """
        reserved = await self._store.reservations(wallet)
        nonce = await self._chain.account_nonce(wallet)
        if await self._reopen(wallet, nonce):
            reserved = await self._store.reservations(wallet)
        while nonce in reserved:
            nonce += 1
        return nonce, reserved

    async def _record(self, pursuit: Pursuit, transfer: FloatTransfer | None) -> None:
        (attempt,) = pursuit.attempts
        await self._store.record_transaction(
            attempt.transaction,
            attempt.signed.tx_hash,
            purpose=pursuit.purpose,
            legs=pursuit.legs,
            transfer=transfer,
            sent_us=self._clock.now_us(),
        )
