"""The settler: puts legs into transactions, one per operator wallet, step and token, and records what came of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import structlog

from remora.domain.chain import Receipt
from remora.domain.errors import Refused, RemoraError, Retryable
from remora.domain.floats import FloatTransfer, TransferKind
from remora.domain.ids import Address, SettlementId
from remora.domain.money import Wei, mul_div_ceil
from remora.domain.order import Leg, LegState
from remora.domain.records import LegEffect, SentTransaction
from remora.domain.transaction import Call, Transaction, TxState
from remora.ports import Clock, Custody, SettlementStore
from remora.settle.accounting import effects
from remora.settle.loads import groups, legs_within
from remora.settle.transactions import GasLow, Load, Transactor

log = structlog.get_logger()

SWEEP_EVERY_S = 5.0
"""How often legs that no transaction holds are looked for: those whose transaction was refused or reverted."""

SLOWEST_SWEEP_S = 120.0
"""Every sweep that fails doubles the wait up to this: a call that reverts costs gas each time."""

Start = Callable[[Sequence[Leg]], None]
"""Starts to settle legs beside what is under way."""


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
            tasks.create_task(self._follow_for_ever())
            while True:
                tasks.create_task(self._settle_or_leave(await self._queue.get()))

    def needed(self) -> Mapping[Address, Wei]:
        """Return what wallets must hold that hold too little to offer more for a transaction that no block takes."""
        return self._transactor.needed()

    async def follow_up(self) -> None:
        """Bring to their end the transactions that nobody follows, and those that a reorg took out of a block."""
        async with asyncio.TaskGroup() as tasks:
            for earlier in await self._unfollowed():
                tasks.create_task(self._follow(earlier))

    async def settle(self, legs: Sequence[Leg]) -> None:
        """Settle legs and return once the chain has decided about each.

        Raises Refused or Retryable when a transaction could not be sent; its legs stay pending.
        """
        free = [leg for leg in legs if leg.settlement_id not in self._working]
        ids = {leg.settlement_id for leg in free}
        troubles: list[RemoraError] = []
        self._working |= ids
        try:
            async with asyncio.TaskGroup() as tasks:

                def start(group: Sequence[Leg]) -> None:
                    tasks.create_task(self._attempt(group, start, troubles))

                for group in groups(free):
                    start(group)
        finally:
            self._working -= ids
        if troubles:
            raise troubles[0]

    async def settle_within(self, legs: Sequence[Leg], patience_s: float) -> None:
        """Settle legs, but wait no longer than that: what takes longer is followed to its end without the caller.

        Raises as settle does.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self.settle(legs)

    async def send(self, wallet: Address, call: Call, *, purpose: str) -> bool:
        """Send a call that settles nothing, such as an approval, and record its end; tell whether it succeeded."""

        def loading(gas: int) -> Load | None:
            return Load(call=call) if call.gas <= gas else None

        async with self._transactor.sent(wallet, loading, purpose=purpose) as (receipt, _):
            await self._conclude(receipt, ())
            return receipt.succeeded

    async def refuel(self, treasury: Address, amounts: Mapping[Address, Wei]) -> None:
        """Top up wallets from the treasury in one transaction.

        Raises Retryable while an earlier transaction of it is in no block, Refused when the chain reverted this one.
        """
        if await self._store.reservations(treasury):
            raise Retryable("an earlier transaction of the treasury is in no block yet")
        if not await self.send(treasury, self._custody.refuel(amounts), purpose="refuel"):
            raise Refused("the refuel transaction was reverted")

    async def transfer(self, treasury: Address, transfer: FloatTransfer) -> None:
        """Move float between an operator wallet and the treasury, and record its end; whoever has it signs.

        Raises Refused when the chain reverted it or no block will take it, GasLow when the sender cannot pay for it.
        """
        is_draw = transfer.kind is TransferKind.DRAW
        sender, receiver = (transfer.wallet, treasury) if is_draw else (treasury, transfer.wallet)
        call = self._custody.transfer(receiver, transfer.amount)

        def loading(gas: int) -> Load | None:
            return Load(call=call, transfer=transfer) if call.gas <= gas else None

        async with self._transactor.sent(sender, loading, purpose=transfer.kind) as (receipt, _):
            await self._conclude(receipt, ())
            if not receipt.succeeded:
                raise Refused(f"transaction {receipt.tx_hash} was reverted")

    async def _sweep_for_ever(self) -> None:
        """Look for legs that no transaction holds, ever more seldom while they fail.

        A sweep does not wait for what it starts: a transaction that no block takes must not end the sweeping.
        """
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._clock.sleep(self._sweep_s)
                tasks.create_task(self._settle_or_leave(await self._store.pending_legs()))

    async def _follow_for_ever(self) -> None:
        """Look for transactions that nobody follows, and say when some are stuck or none is any more."""
        said = 0
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._clock.sleep(SWEEP_EVERY_S)
                for earlier in await self._unfollowed():
                    tasks.create_task(self._follow(earlier))
                said = _say_stuck(self._transactor.stuck(), said)

    async def _unfollowed(self) -> list[SentTransaction]:
        try:
            await self._transactor.find_uprooted()
        except RemoraError as trouble:
            log.warning("uprooted_not_looked_for", error=str(trouble))
        return [earlier for earlier in await self._store.unmined() if not self._transactor.is_pursued(earlier)]

    async def _follow(self, earlier: SentTransaction) -> None:
        """Bring one transaction to its end; trouble with it, such as a wallet that is no longer ours, stays here."""
        try:
            async with self._transactor.followed(earlier) as (receipt, legs):
                await self._conclude(receipt, legs)
        except RemoraError as trouble:
            log.warning("settlement_postponed", legs=len(earlier.legs), error=str(trouble))

    async def _settle_or_leave(self, legs: Sequence[Leg]) -> None:
        try:
            await self.settle(legs)
        except GasLow as low:
            log.warning("gas_low", legs=len(legs), error=str(low))
        except RemoraError as trouble:
            log.warning("settlement_postponed", legs=len(legs), error=str(trouble))
            self._sweep_s = min(2 * self._sweep_s, SLOWEST_SWEEP_S)

    async def _attempt(self, legs: Sequence[Leg], start: Start, troubles: list[RemoraError]) -> None:
        """Settle legs that share a transaction; their trouble is only noted, so that it stops no other transaction."""
        try:
            await self._settle_group(legs, start)
        except RemoraError as trouble:
            troubles.append(trouble)

    async def _settle_group(self, legs: Sequence[Leg], start: Start) -> None:
        """Settle as many of the legs as their wallet can pay for in one transaction, and start the others behind it."""
        step, wallet = legs[0].step, legs[0].wallet

        def loading(gas: int) -> Load | None:
            count = legs_within(gas, len(legs), self._custody.settlement_gas)
            if not count:
                return None
            if rest := legs[count:]:
                start(rest)
            return Load(call=self._custody.settle(step, legs[:count]), legs=legs[:count])

        async with self._transactor.sent(wallet, loading, purpose=step) as (receipt, sent):
            await self._conclude(receipt, sent)

    async def _conclude(self, receipt: Receipt, legs: Sequence[Leg]) -> None:
        changes = effects(legs, self._custody.outcomes(receipt)) if receipt.succeeded else []
        state = TxState.MINED if receipt.succeeded else TxState.REVERTED
        news = await self._store.record_mined(
            receipt.tx_hash,
            state=state,
            effects=changes,
            mined_us=self._clock.now_us(),
            block=receipt.block,
            gas_used=receipt.gas_used,
            cost=receipt.cost,
        )
        changes = [change for change in changes if change.settlement_id in news]
        _report(receipt, legs, changes)
        if legs and not receipt.succeeded:
            raise Refused(f"transaction {receipt.tx_hash} was reverted")
        self._sweep_s = SWEEP_EVERY_S
        done = {change.settlement_id for change in changes if change.leg_state is LegState.SETTLED}
        await self._on_settled([leg for leg in legs if leg.settlement_id in done])


def _say_stuck(stuck: Sequence[Transaction], said: int) -> int:
    """Log how many transactions are stuck if that is news; return how many."""
    if len(stuck) != said:
        say = log.error if stuck else log.info
        wallets = sorted({transaction.wallet for transaction in stuck})
        say("settling", state="stuck" if stuck else "well", transactions=len(stuck), wallets=wallets)
    return len(stuck)


def _report(receipt: Receipt, legs: Sequence[Leg], changes: Sequence[LegEffect]) -> None:
    if not receipt.succeeded:
        log.error("transaction_reverted", tx_hash=receipt.tx_hash, legs=len(legs))
    if not legs:
        return
    log.info(
        "settled",
        step=legs[0].step,
        wallet=legs[0].wallet,
        legs=sum(change.leg_state is LegState.SETTLED for change in changes),
        tx_hash=receipt.tx_hash,
        gas_per_leg=mul_div_ceil(receipt.gas_used, 1, len(legs)),
    )
    for change in changes:
        if change.debt:
            log.warning(
                "debt_opened",
                follower=change.debt.leg.follower,
                due=str(change.debt.due),
                failure=change.debt.failure.name,
            )
