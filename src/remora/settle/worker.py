"""The settler: puts legs into transactions, one per operator wallet, step and token, and records what came of each."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

import structlog

from remora.domain.chain import Receipt
from remora.domain.errors import Refused, RemoraError
from remora.domain.ids import Address, SettlementId
from remora.domain.money import Wei
from remora.domain.order import Leg, LegState, SettlementStep
from remora.domain.records import LegEffect, SentTransaction
from remora.domain.transaction import Call, TxState
from remora.ports import Clock, Custody, SettlementStore
from remora.settle.accounting import effects
from remora.settle.transactions import Transactor

log = structlog.get_logger()

LEGS_PER_TRANSACTION = 32
"""Bounds the gas that an operator wallet must hold while a settlement is pending, and stays far below a node's cap."""

SWEEP_EVERY_S = 5.0
"""How often legs that no transaction holds are looked for: those whose transaction was refused or reverted."""

SLOWEST_SWEEP_S = 120.0
"""Every sweep that fails doubles the wait up to this: a call that reverts costs gas each time."""


class Settler:
    """Settles legs through the Clearinghouse. A leg is in one transaction at a time, and settled once."""

    def __init__(
        self,
        *,
        transactor: Transactor,
        custody: Custody,
        store: SettlementStore,
        clock: Clock,
        on_settled: Callable[[Sequence[Leg]], Awaitable[None]],
    ) -> None:
        self._transactor = transactor
        self._custody = custody
        self._store = store
        self._clock = clock
        self._on_settled = on_settled
        self._queue: asyncio.Queue[Sequence[Leg]] = asyncio.Queue()
        self._working: set[SettlementId] = set()
        self._sweep_s = SWEEP_EVERY_S

    def settle_later(self, legs: Sequence[Leg]) -> None:
        """Queue stored legs; a crash before they are settled finds them pending."""
        self._queue.put_nowait(legs)

    async def run(self) -> None:
        """Settle what is queued, and sweep up what was left, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sweep_for_ever())
            while True:
                tasks.create_task(self._settle_or_leave(await self._queue.get()))

    async def follow_unmined(self) -> None:
        """Bring the transactions that an earlier process recorded, and that nobody follows, to their end."""
        async with asyncio.TaskGroup() as tasks:
            for earlier in await self._store.unmined():
                if not self._transactor.is_followed(earlier.tx_hash):
                    tasks.create_task(self._follow(earlier))

    async def settle(self, legs: Sequence[Leg]) -> None:
        """Settle legs and return once the chain has decided about each.

        Raises Refused or Retryable when a transaction could not be sent; its legs stay pending.
        """
        free = [leg for leg in legs if leg.settlement_id not in self._working]
        ids = {leg.settlement_id for leg in free}
        self._working |= ids
        try:
            async with asyncio.TaskGroup() as tasks:
                transactions = [tasks.create_task(self._attempt(group)) for group in _groups(free)]
        finally:
            self._working -= ids
        for transaction in transactions:
            if trouble := transaction.result():
                raise trouble

    async def send(self, wallet: Address, call: Call, *, purpose: str) -> bool:
        """Send a call that settles nothing, such as an approval, and record its end; tell whether it succeeded."""
        async with self._transactor.sent(wallet, call, purpose=purpose) as receipt:
            await self._conclude(receipt, ())
            return receipt.succeeded

    async def refuel(self, treasury: Address, amounts: Mapping[Address, Wei]) -> None:
        """Top up wallets from the treasury in one transaction. Refused when the chain reverted it."""
        if not await self.send(treasury, self._custody.refuel(amounts), purpose="refuel"):
            raise Refused("the refuel transaction was reverted")

    async def _sweep_for_ever(self) -> None:
        """Look for what nobody has in hand: transactions that are not followed, legs that no transaction holds.

        A sweep does not wait for what it starts: a transaction that no block takes must not end the sweeping.
        """
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._clock.sleep(self._sweep_s)
                tasks.create_task(self.follow_unmined())
                tasks.create_task(self._settle_or_leave(await self._store.pending_legs()))

    async def _follow(self, earlier: SentTransaction) -> None:
        """Bring one transaction to its end; trouble with it, such as a wallet that is no longer ours, stays here."""
        try:
            async with self._transactor.followed(earlier) as receipt:
                await self._conclude(receipt, earlier.legs)
        except RemoraError as trouble:
            log.warning("settlement_postponed", legs=len(earlier.legs), error=str(trouble))

    async def _settle_or_leave(self, legs: Sequence[Leg]) -> None:
        try:
            await self.settle(legs)
        except RemoraError as trouble:
            log.warning("settlement_postponed", legs=len(legs), error=str(trouble))
            self._sweep_s = min(2 * self._sweep_s, SLOWEST_SWEEP_S)

    async def _attempt(self, legs: Sequence[Leg]) -> RemoraError | None:
        """Settle legs that share a transaction; return their trouble, so that it stops no other transaction."""
        try:
            await self._settle_group(legs)
        except RemoraError as trouble:
            return trouble
        return None

    async def _settle_group(self, legs: Sequence[Leg]) -> None:
        step, wallet = legs[0].step, legs[0].wallet
        call = self._custody.settle(step, legs)
        async with self._transactor.sent(wallet, call, purpose=step, legs=legs) as receipt:
            await self._conclude(receipt, legs)

    async def _conclude(self, receipt: Receipt, legs: Sequence[Leg]) -> None:
        changes = effects(legs, self._custody.outcomes(receipt)) if receipt.succeeded else []
        state = TxState.MINED if receipt.succeeded else TxState.REVERTED
        await self._store.record_mined(receipt.tx_hash, state=state, effects=changes, mined_us=self._clock.now_us())
        _report(receipt, legs, changes)
        if legs and not receipt.succeeded:
            raise Refused(f"transaction {receipt.tx_hash} was reverted")
        self._sweep_s = SWEEP_EVERY_S
        done = {change.settlement_id for change in changes if change.leg_state is LegState.SETTLED}
        await self._on_settled([leg for leg in legs if leg.settlement_id in done])


def _groups(legs: Iterable[Leg]) -> Iterator[list[Leg]]:
    """Group legs that can share a transaction, at most LEGS_PER_TRANSACTION in each."""
    alike: defaultdict[tuple[Address, SettlementStep, int], list[Leg]] = defaultdict(list)
    for leg in legs:
        alike[leg.wallet, leg.step, leg.token_id].append(leg)
    for group in alike.values():
        for start in range(0, len(group), LEGS_PER_TRANSACTION):
            yield group[start : start + LEGS_PER_TRANSACTION]


def _report(receipt: Receipt, legs: Sequence[Leg], changes: Sequence[LegEffect]) -> None:
    if not receipt.succeeded:
        log.error("transaction_reverted", tx_hash=receipt.tx_hash, legs=len(legs))
    if not legs:
        return
    settled = sum(change.leg_state is LegState.SETTLED for change in changes)
    log.info("settled", step=legs[0].step, wallet=legs[0].wallet, legs=settled, tx_hash=receipt.tx_hash)
    for change in changes:
        if change.debt:
            log.warning(
                "debt_opened",
                follower=change.debt.leg.follower,
                due=str(change.debt.due),
                failure=change.debt.failure.name,
            )
