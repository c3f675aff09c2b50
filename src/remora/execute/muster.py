"""Muster: brings each operator wallet to readiness, all at once: API key, approvals, float. One that fails is out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress

import structlog

from remora.domain.errors import OperatorError, Refused, RemoraError
from remora.domain.ids import Address
from remora.domain.ledger import opening
from remora.domain.money import Collateral
from remora.domain.transaction import Approval, Call
from remora.execute.fleet import Fleet
from remora.ports import ChainReader, Clock, Custody, SettlementStore, Venue

log = structlog.get_logger()

AGAIN_AFTER_S = 60.0
"""How often wallets that are out are tried again."""

LOOK_AGAIN_AFTER_S = 5.0
"""How often the float of idle wallets is read again: an owner tops them up, or takes something out, without a word."""

ENOUGH_ALLOWANCE = Collateral(2**128)
"""Approvals are unlimited; tokens that count them down take ages to get below this."""


class Muster:
    """Makes the fleet ready."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        clearinghouse: Address,
        clock: Clock,
        venue: Venue,
        chain: ChainReader,
        custody: Custody,
        store: SettlementStore,
        send: Callable[[Address, Call], Coroutine[None, None, bool]],
    ) -> None:
        self._fleet = fleet
        self._clearinghouse = clearinghouse
        self._clock = clock
        self._venue = venue
        self._chain = chain
        self._custody = custody
        self._store = store
        self._send = send
        self._one_at_a_time = asyncio.Lock()
        self._asked = asyncio.Event()

    async def run(self) -> None:
        """Try for ever to get back the wallets that are out, and look after the float of the others."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_float())
            tasks.create_task(self._muster_when_asked())
            while True:
                await self._clock.sleep(AGAIN_AFTER_S)
                await self.muster()

    async def muster(self) -> None:
        """Make all wallets ready that can be and are not; retired ones too, which finish what they have."""
        async with self._one_at_a_time, asyncio.TaskGroup() as wallets:
            for wallet in self._fleet.missing:
                wallets.create_task(self._enlist(wallet))

    def muster_soon(self) -> None:
        """Muster beside what is under way: there are new wallets."""
        self._asked.set()

    async def look_again(self) -> None:
        """Read the float of the wallets of which nothing is promised, before the reading and after it.

        What is promised moves with the orders and settlements that it is promised to: they tell the fleet themselves.
        """
        wallets = self._fleet.unpromised()
        balances = await self._chain.collateral_of(wallets)
        still = set(self._fleet.unpromised())
        for wallet, balance in zip(wallets, balances, strict=True):
            if wallet in still:
                await self._fleet.update(wallet, balance)

    async def _watch_float(self) -> None:
        while True:
            await self._clock.sleep(LOOK_AGAIN_AFTER_S)
            with suppress(RemoraError):  # a node that does not answer is asked again
                await self.look_again()

    async def _muster_when_asked(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self.muster()

    async def _enlist(self, wallet: Address) -> None:
        try:
            # First, so that the books hold what a wallet has that turns out to be out.
            await self._store.post([opening(wallet, await self._collateral(wallet))])
            await self._venue.authenticate(wallet)
            await self._check_admitted(wallet)
            await self._approve(wallet)
            balance = await self._collateral(wallet)
        except* RemoraError as failed:
            errors = [str(error) for error in _leaves(failed)]
            log.error("wallet_out", wallet=wallet, errors=errors)
            self._fleet.dismiss(wallet, "; ".join(errors))
        else:
            await self._fleet.enlist(wallet, balance)

    async def _collateral(self, wallet: Address) -> Collateral:
        return (await self._chain.collateral_of([wallet]))[0]

    async def _check_admitted(self, wallet: Address) -> None:
        """Keep out a wallet that could buy but not deliver."""
        if not await self._chain.is_operator(wallet, self._clearinghouse):
            raise OperatorError(f"expected {wallet} to be an operator of the Clearinghouse; its owner must add it")

    async def _approve(self, wallet: Address) -> None:
        async with asyncio.TaskGroup() as approvals:
            for approval in self._custody.approvals():
                if not await self._is_given(wallet, approval):
                    approvals.create_task(self._give(wallet, approval.call))

    async def _give(self, wallet: Address, call: Call) -> None:
        if not await self._send(wallet, call):
            raise Refused(f"an approval of wallet {wallet} was reverted")

    async def _is_given(self, wallet: Address, approval: Approval) -> bool:
        if approval.ledger is None:
            (allowance,) = await self._chain.collateral_allowances([wallet], approval.spender)
            return allowance >= ENOUGH_ALLOWANCE
        (approved,) = await self._chain.shares_approved([wallet], approval.spender, approval.ledger)
        return approved


def _leaves(group: BaseExceptionGroup[RemoraError]) -> Iterator[RemoraError]:
    """Yield the errors of a group, and of the groups in it."""
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _leaves(each)
        else:
            yield each
