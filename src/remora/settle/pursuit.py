"""The pursuit of an account nonce: from the broadcast of its first transaction until a block has one of them.

What is forgotten is handed over again; what stays too long is replaced by one that pays more, recorded before it is
broadcast. Any of them may be mined at any time, so all their hashes are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from remora.domain.chain import Receipt
from remora.domain.errors import OutcomeUnknown, Refused, Retryable
from remora.domain.ids import Address
from remora.domain.money import ZERO_WEI, Wei
from remora.domain.order import Leg
from remora.domain.transaction import GasPrice, SignedTransaction, Transaction
from remora.ports import ChainReader, Clock, SettlementStore, Signer, TxSender
from remora.settle.fees import FeeRules, raised

log = structlog.get_logger()

POLL_S = 0.25
"""How often receipts are asked for."""

LOOKS_EVERY_POLLS = 8
"""So often it is looked whether it is its wallet's next: every 2 s, Polygon's block time."""

REBROADCAST_AFTER_S = 6.0
"""A transaction that no block has by then is handed to the node again; it is the same one, so that is safe."""

RECEIPT_PATIENCE_S = 60.0
"""An account nonce that a block used, by the node's count, without a receipt of ours for so long, was used by another.

If it was ours after all, the same legs in another transaction are no-ops on chain.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One transaction of an account nonce, ready to be handed over."""

    transaction: Transaction
    signed: SignedTransaction


@dataclass(slots=True, kw_only=True, eq=False)
class Pursuit:
    """An account nonce that was recorded: its attempts, the first one first, and what they settle.

    `next_since` is the block at which it was first seen to be its wallet's next, since the latest attempt; `used_since`
    when blocks were first seen to have used it. A stuck one has waited its time and may not offer more; `needed` is
    what its wallet must hold for that, 0 where it is not its wallet that lacks something.
    """

    attempts: list[Attempt]
    purpose: str
    legs: Sequence[Leg]
    next_since: int | None = None
    used_since_us: int | None = None
    is_stuck: bool = False
    needed: Wei = ZERO_WEI

    @property
    def latest(self) -> Transaction:
        """The transaction that shall replace all before it."""
        return self.attempts[-1].transaction

    @property
    def wallet(self) -> Address:
        """Whose account nonce it is."""
        return self.latest.wallet

    @property
    def nonce(self) -> int:
        """The account nonce."""
        return self.latest.nonce


class Pursuer:
    """Brings recorded account nonces to their end."""

    def __init__(
        self,
        *,
        rules: FeeRules,
        chain: ChainReader,
        sender: TxSender,
        signer: Signer,
        store: SettlementStore,
        clock: Clock,
    ) -> None:
        self._rules = rules
        self._chain = chain
        self._sender = sender
        self._signer = signer
        self._store = store
        self._clock = clock

    async def broadcast(self, pursuit: Pursuit) -> None:
        """Hand the latest attempt to the node, again and again while the node does not look at it.

        Raises Refused when the node proved not to take it: then nothing of the account nonce is recorded any more.
        """
        while True:
            try:
                await self._hand_over(pursuit)
            except Retryable as busy:
                log.warning("transaction_not_taken_yet", **_named(pursuit), error=str(busy))
                await self._clock.sleep(busy.delay_s)
                continue
            return

    async def mined(self, pursuit: Pursuit) -> Receipt:
        """Wait until a block has one of the attempts.

        Raises Refused when none will be mined: the node refused the only one, or another transaction used the nonce.
        """
        polls = 0
        while True:
            receipt = await self.receipt(pursuit)
            if receipt is not None:
                return receipt
            await self._clock.sleep(POLL_S)
            polls += 1
            if polls % LOOKS_EVERY_POLLS == 0:
                await self._look(pursuit)
            if polls % round(REBROADCAST_AFTER_S / POLL_S) == 0:
                await self._hand_over_again(pursuit)

    async def receipt(self, pursuit: Pursuit) -> Receipt | None:
        """Return the receipt of the attempt that a block has, None while there is none or no node answers."""
        try:
            for attempt in reversed(pursuit.attempts):
                receipt = await self._chain.receipt(attempt.signed.tx_hash)
                if receipt is not None:
                    return receipt
        except Retryable:
            pass
        return None

    async def _hand_over_again(self, pursuit: Pursuit) -> None:
        try:
            await self._hand_over(pursuit)
        except Retryable as busy:
            log.warning("transaction_not_taken_yet", **_named(pursuit), error=str(busy))

    async def _hand_over(self, pursuit: Pursuit) -> None:
        """Hand over the latest attempt, or the one before while the node won't have it."""
        refusal: Refused | None = None
        for attempt in reversed(pursuit.attempts):
            try:
                await self._sender.broadcast(attempt.signed)
            except OutcomeUnknown as unknown:
                log.warning("transaction_unresolved", **_named(pursuit), error=str(unknown))
            except Refused as refused:
                refusal = refusal or refused
                continue
            return
        if refusal is not None:
            await self._refused(pursuit, refusal)

    async def _refused(self, pursuit: Pursuit, refusal: Refused) -> None:
        """Give up an only attempt that a node refuses. Of several, one may still be in the pool of another node."""
        if await self.receipt(pursuit) is not None:
            return  # "nonce too low" is also the answer for a transaction that a block has already
        log.warning("transaction_refused", **_named(pursuit), error=refusal.reason)
        if len(pursuit.attempts) == 1:
            await self._store.discard_transaction(pursuit.attempts[0].signed.tx_hash)
            raise refusal

    async def _look(self, pursuit: Pursuit) -> None:
        """See what keeps it: earlier account nonces, its own price, or another transaction that has its nonce."""
        try:
            nonce, head = await self._chain.account_nonce(pursuit.wallet), await self._chain.head()
            if nonce == pursuit.nonce:
                await self._be_next(pursuit, head.number)
            else:
                pursuit.next_since = None
            if nonce > pursuit.nonce:
                await self._be_used(pursuit)
            else:
                pursuit.used_since_us = None
        except (Retryable, OutcomeUnknown) as trouble:
            log.warning("transaction_not_looked_at", **_named(pursuit), error=str(trouble))

    async def _be_next(self, pursuit: Pursuit, height: int) -> None:
        if pursuit.next_since is None:
            pursuit.next_since = height
        elif height - pursuit.next_since >= self._rules.replace_after_blocks:
            pursuit.next_since = height
            await self._replace(pursuit)

    async def _be_used(self, pursuit: Pursuit) -> None:
        now_us = self._clock.now_us()
        if pursuit.used_since_us is None:
            pursuit.used_since_us = now_us
        elif now_us - pursuit.used_since_us >= RECEIPT_PATIENCE_S * 1_000_000:
            for attempt in pursuit.attempts:
                # Raises if no node can be asked: that is no proof of anything.
                if await self._chain.receipt(attempt.signed.tx_hash) is not None:
                    return
            await self._store.discard_transaction(pursuit.attempts[0].signed.tx_hash)
            raise Refused(f"account nonce {pursuit.nonce} of {pursuit.wallet} was used by another transaction")

    async def _replace(self, pursuit: Pursuit) -> None:
        """Record and broadcast a transaction that pays more, if the bound and the wallet allow it."""
        fees = raised(pursuit.latest.gas_price, await self._chain.gas_price(), self._rules.most)
        pursuit.needed = ZERO_WEI if fees is None else await self._lacked(pursuit, fees)
        if fees is None or pursuit.needed:
            self._be_stuck(pursuit, fees)
            return
        transaction = replace(pursuit.latest, gas_price=fees)
        signed = self._signer.sign_transaction(transaction)
        await self._store.record_replacement(transaction, signed.tx_hash, sent_us=self._clock.now_us())
        pursuit.attempts.append(Attempt(transaction=transaction, signed=signed))
        pursuit.is_stuck = False
        log.warning("transaction_replaced", **_named(pursuit), attempts=len(pursuit.attempts))
        await self._hand_over_again(pursuit)

    async def _lacked(self, pursuit: Pursuit, fees: GasPrice) -> Wei:
        """Return what the wallet must hold for the replacement, beside its other transactions; 0 if it does."""
        (balance,) = await self._chain.native_of([pursuit.wallet])
        reserved = await self._store.reservations(pursuit.wallet)
        others = sum(bound.units for nonce, bound in reserved.items() if nonce != pursuit.nonce)
        needed = Wei(others) + replace(pursuit.latest, gas_price=fees).bound
        return needed if balance < needed else ZERO_WEI

    def _be_stuck(self, pursuit: Pursuit, fees: GasPrice | None) -> None:
        if not pursuit.is_stuck:
            why = "offers all that is allowed" if fees is None else "its wallet holds too little to offer more"
            log.error("transaction_stuck", **_named(pursuit), why=why, max_fee=str(pursuit.latest.gas_price.max_fee))
        pursuit.is_stuck = True


def _named(pursuit: Pursuit) -> dict[str, str | int]:
    return {
        "wallet": pursuit.wallet,
        "nonce": pursuit.nonce,
        "tx_hash": pursuit.attempts[-1].signed.tx_hash,
    }
